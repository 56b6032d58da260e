import { defineEventType } from '../event-type.ts';
import { closedObject, integer, listOf, openObject, text, unitKey } from './fields.ts';

const order = closedObject({
  client_identifier: unitKey.describe("the client's own id of the order"),
  status: text,
  order_items: listOf(
    closedObject({
      client_identifier: text,
      status: text,
      quantity: integer,
      cancelled_quantity: integer,
      id: integer.optional(),
    }),
  ),
  id: integer.optional(),
});

/** Contract, part 2. */
export const dropShipmentPartialCancellation = defineEventType({
  name: 'drop_shipment_partial_cancellation',
  summary: 'Some items of the order of a drop shipment were cancelled.',
  path: '/drop_shipment_partial_cancellation',
  schema: openObject({ order }),
  unitField: 'order.client_identifier',
  sample: {
    order: {
      id: 4711,
      client_identifier: 'ORDER-0001001',
      status: 'shipped',
      order_items: [
        { id: 17, client_identifier: 'ITEM-1001', status: 'shipped', quantity: 3, cancelled_quantity: 2 },
      ],
    },
  },
});
