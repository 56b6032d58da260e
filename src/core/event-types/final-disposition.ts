import { defineEventType } from '../event-type.ts';
import { closedObject, condition, disposition, text, timestamp, unitKey, vocabulary } from './fields.ts';

const REMOVED = [
  ...['internal_use', 'duplicate_item', 'lost_item', 'client_request', 'counterfeit', 'hazmat', 'recall'],
  'other',
];
const DISPOSED = ['no_item_in_box', 'physically_damaged', 'hygiene_issue', 'expired', 'personalization'];

/** Contract, part 2. */
export const finalDisposition = defineEventType({
  name: 'final_disposition',
  summary: 'A unit reached its final disposition.',
  path: '/final_dispositions',
  schema: closedObject({
    disposition,
    condition,
    timestamp,
    location_identifier: text,
    warehouse_identifier: text,
    optiturn_lp: unitKey.describe("the unit's licence plate"),
    program_identifier: text,
    sku: text.optional(),
    upc: text.optional(),
    reference_unit_identifier: text.optional(),
    store_identifier: text.optional(),
    reason: vocabulary(...REMOVED, ...DISPOSED)
      .describe(
        'an open list, expect others; the last five are for disposed units, the others for removed ones',
      )
      .optional(),
    shipment_reference_identifier: text.optional(),
  }),
  unitField: 'optiturn_lp',
  sample: {
    disposition: 'dispose',
    condition: 'X',
    timestamp: '2018-03-20T00:00:00Z',
    location_identifier: 'RTS-1112',
    warehouse_identifier: '22',
    optiturn_lp: 'LPAA1234567',
    program_identifier: 'parcel_returns',
    sku: '012344566700',
    upc: '0123456789012',
    reference_unit_identifier: 'Unit A',
    store_identifier: 'Store A',
    reason: 'physically_damaged',
    shipment_reference_identifier: 'SHIP-1001',
  },
});
