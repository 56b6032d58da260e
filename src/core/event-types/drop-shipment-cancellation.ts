import { defineEventType } from '../event-type.ts';
import { boolean, closedObject, date, integer, listOf, oneOf, openObject, text, unitKey } from './fields.ts';

const address = closedObject({
  id: integer.optional(),
  name: text.optional(),
  company: text.optional(),
  telephone_number: text.optional(),
  street: text.optional(),
  street2: text.optional(),
  city: text.optional(),
  state: text.optional(),
  zip_code: text.optional(),
  country: text.optional(),
  created_at: text.optional(),
  updated_at: text.optional(),
});

const item = closedObject({
  client_identifier: text,
  sku: text,
  brand: text,
  condition: text,
  quantity: integer,
  price_cents: integer,
  tax_cents: integer,
  shipping_cost_cents: integer,
  shipping_tax_cents: integer,
  status: text,
  id: integer.optional(),
  comments: text.optional(),
});

const order = closedObject({
  client_identifier: unitKey.describe("the client's own id of the order"),
  billing_address: address,
  shipping_address: address,
  brand: text,
  shipping_method: oneOf(['STANDARD', 'EXPRESS', 'OVERNIGHT', 'FREIGHT', 'PICK-UP']),
  status: text,
  price_cents: integer,
  tax_cents: integer,
  shipping_cost_cents: integer,
  shipping_tax_cents: integer,
  order_items: listOf(item),
  id: integer.optional(),
  processing_fee_cents: integer.optional(),
  comments: text.optional(),
  expected_delivery_date: date.optional(),
  signature_required: boolean.optional(),
  packing_slip_identifier: text.optional(),
  reject_reason: text.optional(),
  created_at: text.optional(),
  updated_at: text.optional(),
});

const buyer = {
  id: 23,
  name: 'Jane Doe',
  company: 'Acme',
  telephone_number: '555-0142',
  street: '42 Main Street',
  street2: 'Floor 3',
  city: 'Anytown',
  state: 'MA',
  zip_code: '01234',
  country: 'US',
  created_at: '2018-03-20T00:00:00Z',
  updated_at: '2018-03-20T00:00:00Z',
};

const receiver = { ...buyer, id: 24, name: 'John Doe', company: 'Acme Outlet', street: '7 Side Street' };

/** Contract, part 2. */
export const dropShipmentCancellation = defineEventType({
  name: 'drop_shipment_cancellation',
  summary: 'The order of a drop shipment was cancelled.',
  path: '/drop_shipment_cancellation',
  schema: openObject({ order }),
  unitField: 'order.client_identifier',
  sample: {
    order: {
      id: 4711,
      client_identifier: 'ORDER-0001001',
      billing_address: buyer,
      shipping_address: receiver,
      brand: 'Acme Outlet',
      shipping_method: 'STANDARD',
      status: 'cancelled',
      price_cents: 4999,
      tax_cents: 412,
      shipping_cost_cents: 799,
      shipping_tax_cents: 66,
      processing_fee_cents: 150,
      comments: 'Out of stock',
      expected_delivery_date: '2018-03-27',
      signature_required: false,
      packing_slip_identifier: 'PS-1001',
      reject_reason: 'No inventory',
      created_at: '2018-03-20T00:00:00Z',
      updated_at: '2018-03-20T00:00:00Z',
      order_items: [
        {
          id: 17,
          client_identifier: 'ITEM-1001',
          sku: 'S123456',
          brand: 'Acme Outlet',
          condition: 'N',
          quantity: 1,
          price_cents: 4999,
          tax_cents: 412,
          shipping_cost_cents: 799,
          shipping_tax_cents: 66,
          status: 'cancelled',
          comments: 'Out of stock',
        },
      ],
    },
  },
});
