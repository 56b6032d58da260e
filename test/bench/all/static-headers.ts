import type { Row } from './row.ts';
import { measureSides } from './sides.ts';

/** A tenant, a key and a media type: more than most clients have. */
const HEADERS = {
  'Content-Type': 'application/json; charset=utf-8',
  'X-Tenant': 'returns',
  'Ocp-Apim-Subscription-Key': '0123456789abcdef0123456789abcdef',
};

/** What headers of a client's own cost: processor time per event, with ÷ without. */
export function measureStaticHeaders(scale: number): Promise<Row> {
  const sides = { on: { headers: HEADERS }, off: {} };
  return measureSides('static headers: processor time per event, on ÷ off', sides, scale);
}
