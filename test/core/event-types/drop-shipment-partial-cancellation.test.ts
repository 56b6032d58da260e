import type { EventType } from '../../../src/core/event-type.ts';
import { dropShipmentPartialCancellation } from '../../../src/core/event-types/drop-shipment-partial-cancellation.ts';
import { holdToContract } from './hold-to-contract.ts';

holdToContract(dropShipmentPartialCancellation as EventType, {
  path: '/drop_shipment_partial_cancellation',
  unit: ['order', 'client_identifier'],
  payload: {
    open: true,
    fields: {
      order: {
        open: false,
        fields: {
          client_identifier: 'text',
          status: 'text',
          order_items: {
            listOf: {
              open: false,
              fields: {
                client_identifier: 'text',
                status: 'text',
                quantity: 'integer',
                cancelled_quantity: 'integer',
                'id?': 'integer',
              },
            },
          },
          'id?': 'integer',
        },
      },
    },
  },
});
