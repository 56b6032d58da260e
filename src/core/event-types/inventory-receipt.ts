import { defineEventType } from '../event-type.ts';
import { drawChance, drawDigits, drawOne } from '../random.ts';
import { condition, integer, oneOf, openObject, text, unitKey } from './fields.ts';

const schema = openObject({
  program_identifier: text,
  asn_number: text,
  from: openObject({ identifier: text, type: text }),
  to: openObject({ identifier: integer, type: text, original_identifier: text }),
  unit_identifier: unitKey,
  sku: text,
  initial_condition: condition,
  initial_channel: text,
  ot_user_login: text,
  shipment_identifier: text.optional(),
  carton_identifier: text.optional(),
  line_identifier: text.optional(),
  reference_line_identifier: text.optional(),
  upc: text.optional(),
  serial_number: text.optional(),
  return_reason: text.optional(),
  merchant: text.optional(),
  concept: text.optional(),
  asin: text.optional(),
  tracking_number: text.optional(),
  location_identifier: text.optional(),
  client_unit_identifier: text.optional(),
  reject_reason: text.optional(),
  reference: openObject({
    type: oneOf(['StockTransferOrder', 'RA', 'RMA', 'ForwardOrder']).optional(),
    identifier: text.optional(),
    alternate_identifier: text.optional(),
  }).optional(),
});

function generate(n: number, random: () => number) {
  const isRejected = drawChance(0.05, random);
  const reasons = ['Wrong size', 'Damaged', 'Changed mind', 'Not as described'] as const;
  return {
    program_identifier: drawOne(['returns', 'store_returns', 'parcel_returns'], random),
    asn_number: `SO${drawDigits(8, random)}`,
    from: { identifier: `WH-${drawDigits(2, random)}`, type: drawOne(['Warehouse', 'Store'], random) },
    to: {
      identifier: Number(drawDigits(4, random)),
      type: 'Store',
      original_identifier: drawDigits(2, random),
    },
    // Producers write some of these as bare numbers, as the published sample does.
    unit_identifier: drawChance(0.5, random) ? `LPRC${String(n).padStart(8, '0')}` : 100_000_000_000 + n,
    sku: `S${drawDigits(6, random)}`,
    initial_condition: drawOne(['N', 'R', 'A', 'B', 'C', 'X', 'TT'], random),
    initial_channel: drawOne(['blinq', 'b2b', 'rtv', 'outlets'], random),
    ot_user_login: drawOne(['jdoe@email.com', 'asmith@email.com', 'mlee@email.com'], random),
    shipment_identifier: `SH-${drawDigits(6, random)}`,
    carton_identifier: `CTN-${drawDigits(6, random)}`,
    line_identifier: Number(drawDigits(9, random)),
    upc: drawChance(0.5, random) ? drawDigits(12, random) : Number(drawDigits(11, random)),
    return_reason: drawOne(reasons, random),
    tracking_number: `1Z${drawDigits(16, random)}`,
    ...(drawChance(0.3, random) ? { asin: `B0${drawDigits(8, random)}` } : {}),
    ...(isRejected ? { reject_reason: 'Empty Box' } : {}),
    reference: { type: drawOne(['RMA', 'RA', 'ForwardOrder'], random), identifier: drawDigits(9, random) },
  };
}

/** A unit was received against an ASN: `POST /inventory_receipt`. */
export const inventoryReceipt = defineEventType({
  name: 'inventory_receipt',
  schema,
  unitField: 'unit_identifier',
  unitOf: (payload) => payload.unit_identifier,
  alreadyReceivedStatus: 200,
  sample: {
    program_identifier: 'returns',
    asn_number: 'SO00001234',
    from: { identifier: '22', type: 'Warehouse' },
    to: { identifier: 1352, type: 'Store', original_identifier: '42' },
    unit_identifier: 123456891011,
    sku: 'S123456',
    initial_condition: 'N',
    initial_channel: 'blinq',
    ot_user_login: 'jdoe@email.com',
    shipment_identifier: 'SHIP-1001',
    carton_identifier: 'CARTON-7',
    line_identifier: 123456789,
    reference_line_identifier: 1,
    upc: 12345678905,
    serial_number: 'SN-00042',
    return_reason: 'Damaged',
    merchant: 'Acme',
    concept: 'Acme Outlet',
    asin: 120029872,
    tracking_number: '1Z9999999999999999',
    location_identifier: 'RTS-1112',
    client_unit_identifier: 'Unit A',
    reject_reason: 'Empty Box',
    reference: { type: 'RMA', identifier: 'RMA-1001', alternate_identifier: 'ORDER-1001' },
  },
  generate,
});
