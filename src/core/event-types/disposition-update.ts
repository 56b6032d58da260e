import { defineEventType } from '../event-type.ts';
import { drawChance, drawDigits, drawOne } from '../random.ts';
import { closedObject, condition, text, timestamp, unitKey } from './fields.ts';

const schema = closedObject({
  // An open vocabulary: clients meet dispositions that no list here names.
  from_disposition: text,
  to_disposition: text,
  timestamp,
  location_identifier: text,
  warehouse_identifier: text,
  optiturn_lp: unitKey,
  program_identifier: text,
  upc: text,
  from_condition: condition,
  to_condition: condition,
  from_sku: text.optional(),
  to_sku: text.optional(),
  // Deprecated in favour of from_sku and to_sku, still sent.
  sku: text.optional(),
  reference_unit_identifier: text.optional(),
  store_identifier: text.optional(),
  // Only for client users.
  user_login: text.optional(),
});

const DISPOSITIONS = [
  'b2b',
  'd2c',
  'client_liquidation',
  'destroy',
  'dispose',
  'donate',
  'outlets',
  'recycle',
  'rts',
  'rtv',
  'stock_transfer',
] as const;
const CONDITIONS = ['N', 'TT', 'R', 'A', 'B', 'C', 'X'] as const;
const FIRST_MOMENT = Date.UTC(2024, 0, 1);

function generate(n: number, random: () => number) {
  const sku = drawDigits(12, random);
  const moment = new Date(FIRST_MOMENT + n * 1_000 + Math.floor(random() * 1_000)).toISOString();
  const isClientUser = drawChance(0.2, random);
  return {
    from_disposition: drawOne(['needs_testing', 'needs_grading', 'received'], random),
    to_disposition: drawOne(DISPOSITIONS, random),
    // The contract's sample has neither zone nor fraction; its prose has both.
    timestamp: drawChance(0.5, random) ? moment : moment.slice(0, 19),
    location_identifier: `RTS-${drawDigits(4, random)}`,
    warehouse_identifier: drawOne(['22', '31', '47'], random),
    optiturn_lp: `LPAA${String(n).padStart(7, '0')}`,
    program_identifier: drawOne(['parcel_returns', 'store_returns'], random),
    from_sku: sku,
    to_sku: drawChance(0.9, random) ? sku : drawDigits(12, random),
    sku,
    upc: `0${drawDigits(12, random)}`,
    from_condition: drawOne(CONDITIONS, random),
    to_condition: drawOne(CONDITIONS, random),
    reference_unit_identifier: `Unit ${drawDigits(6, random)}`,
    ...(drawChance(0.6, random) ? { store_identifier: `Store ${drawDigits(3, random)}` } : {}),
    ...(isClientUser ? { user_login: `user_${drawDigits(3, random)}` } : {}),
  };
}

/** A unit changed disposition: `POST /dispositions`. */
export const dispositionUpdate = defineEventType({
  name: 'disposition_update',
  schema,
  unitField: 'optiturn_lp',
  unitOf: (payload) => payload.optiturn_lp,
  sample: {
    from_disposition: 'needs_testing',
    to_disposition: 'recycle',
    timestamp: '2018-03-20T00:00:00',
    location_identifier: 'RTS-1112',
    warehouse_identifier: '22',
    optiturn_lp: 'LPAA1234567',
    program_identifier: 'parcel_returns',
    from_sku: '012344566700',
    to_sku: '012344566700',
    sku: '012344566700',
    upc: '0123456789012',
    from_condition: 'N',
    to_condition: 'TT',
    reference_unit_identifier: 'Unit A',
    store_identifier: 'Store A',
    user_login: 'client_user_login',
  },
  generate,
});
