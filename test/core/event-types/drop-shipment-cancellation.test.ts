import type { EventType } from '../../../src/core/event-type.ts';
import { dropShipmentCancellation } from '../../../src/core/event-types/drop-shipment-cancellation.ts';
import { type Fields, holdToContract } from './hold-to-contract.ts';

const address: Fields = {
  open: false,
  fields: {
    'id?': 'integer',
    'name?': 'text',
    'company?': 'text',
    'telephone_number?': 'text',
    'street?': 'text',
    'street2?': 'text',
    'city?': 'text',
    'state?': 'text',
    'zip_code?': 'text',
    'country?': 'text',
    'created_at?': 'text',
    'updated_at?': 'text',
  },
};

holdToContract(dropShipmentCancellation as EventType, {
  path: '/drop_shipment_cancellation',
  unit: ['order', 'client_identifier'],
  payload: {
    open: true,
    fields: {
      order: {
        open: false,
        fields: {
          client_identifier: 'text',
          billing_address: address,
          shipping_address: address,
          brand: 'text',
          shipping_method: { oneOf: ['STANDARD', 'EXPRESS', 'OVERNIGHT', 'FREIGHT', 'PICK-UP'] },
          status: 'text',
          price_cents: 'integer',
          tax_cents: 'integer',
          shipping_cost_cents: 'integer',
          shipping_tax_cents: 'integer',
          order_items: {
            listOf: {
              open: false,
              fields: {
                client_identifier: 'text',
                sku: 'text',
                brand: 'text',
                condition: 'text',
                quantity: 'integer',
                price_cents: 'integer',
                tax_cents: 'integer',
                shipping_cost_cents: 'integer',
                shipping_tax_cents: 'integer',
                status: 'text',
                'id?': 'integer',
                'comments?': 'text',
              },
            },
          },
          'id?': 'integer',
          'processing_fee_cents?': 'integer',
          'comments?': 'text',
          'expected_delivery_date?': 'date',
          'signature_required?': 'boolean',
          'packing_slip_identifier?': 'text',
          'reject_reason?': 'text',
          'created_at?': 'text',
          'updated_at?': 'text',
        },
      },
    },
  },
});
