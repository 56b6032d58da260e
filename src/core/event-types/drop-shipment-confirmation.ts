import { defineEventType } from '../event-type.ts';
import {
  closedObject,
  countingNumber,
  integer,
  listOf,
  number,
  openObject,
  text,
  unitKey,
} from './fields.ts';

const shipment = closedObject({
  client_identifier: unitKey.describe("the client's own id of the shipment"),
  channel: text,
  carrier: text,
  shipping_method: text,
  tracking_number: text,
  billed_weight: number.describe('in pounds'),
  shipping_cost_cents: integer,
  shipment_items: listOf(
    closedObject({
      client_identifier: text,
      quantity: countingNumber,
      id: countingNumber.optional(),
      created_at: text.optional(),
      updated_at: text.optional(),
    }),
  ),
  id: integer.optional(),
  packing_slip_identifier: text.optional(),
  created_at: text.optional(),
  updated_at: text.optional(),
});

/** Contract, part 2. */
export const dropShipmentConfirmation = defineEventType({
  name: 'drop_shipment_confirmation',
  summary: 'A drop shipment was sent.',
  path: '/drop_shipment_confirmation',
  schema: openObject({ shipment }),
  unitField: 'shipment.client_identifier',
  sample: {
    shipment: {
      id: 4711,
      client_identifier: 'DS-0001001',
      channel: 'rts_drop_ship',
      carrier: 'Acme Parcel',
      shipping_method: 'STANDARD',
      tracking_number: '1Z9999999999999999',
      billed_weight: 2.5,
      shipping_cost_cents: 799,
      packing_slip_identifier: 'PS-1001',
      created_at: '2018-03-20T00:00:00Z',
      updated_at: '2018-03-20T00:00:00Z',
      shipment_items: [
        {
          id: 17,
          client_identifier: 'ITEM-1001',
          quantity: 1,
          created_at: '2018-03-20T00:00:00Z',
          updated_at: '2018-03-20T00:00:00Z',
        },
      ],
    },
  },
});
