import type { EventType } from '../../../src/core/event-type.ts';
import { finalDisposition } from '../../../src/core/event-types/final-disposition.ts';
import { holdToContract } from './hold-to-contract.ts';

holdToContract(finalDisposition as EventType, {
  path: '/final_dispositions',
  unit: ['optiturn_lp'],
  payload: {
    open: false,
    fields: {
      disposition: 'text',
      timestamp: 'date-time',
      location_identifier: 'text',
      warehouse_identifier: 'text',
      optiturn_lp: 'text',
      program_identifier: 'text',
      condition: { oneOf: ['N', 'TT', 'R', 'A', 'B', 'C', 'X'] },
      'sku?': 'text',
      'upc?': 'text',
      'reference_unit_identifier?': 'text',
      'store_identifier?': 'text',
      'reason?': 'text',
      'shipment_reference_identifier?': 'text',
    },
  },
});
