import type { EventType } from '../../../src/core/event-type.ts';
import { dropShipmentConfirmation } from '../../../src/core/event-types/drop-shipment-confirmation.ts';
import { holdToContract } from './hold-to-contract.ts';

holdToContract(dropShipmentConfirmation as EventType, {
  path: '/drop_shipment_confirmation',
  unit: ['shipment', 'client_identifier'],
  payload: {
    open: true,
    fields: {
      shipment: {
        open: false,
        fields: {
          client_identifier: 'text',
          channel: 'text',
          carrier: 'text',
          shipping_method: 'text',
          tracking_number: 'text',
          billed_weight: 'number',
          shipping_cost_cents: 'integer',
          shipment_items: {
            listOf: {
              open: false,
              fields: {
                client_identifier: 'text',
                quantity: 'integer from 1',
                'id?': 'integer from 1',
                'created_at?': 'text',
                'updated_at?': 'text',
              },
            },
          },
          'id?': 'integer',
          'packing_slip_identifier?': 'text',
          'created_at?': 'text',
          'updated_at?': 'text',
        },
      },
    },
  },
});
