import type { IncidentEnd } from '../core/incident.ts';
import type { IncidentFacts } from '../queue/incident-facts.ts';
import type { OpenIncident } from '../queue/incident-store.ts';

/** What is to be done about an incident now. */
export type NextStep =
  | { readonly kind: 'nothing' }
  | { readonly kind: 'opened' | 'grew' }
  | { readonly kind: 'closed'; readonly end: IncidentEnd };

/** By how much an incident has to grow, since it was told last, to be told again. */
const GROWTH = 10;

/**
 * Decides what is to be done about an incident. It is told before it closes, however short it was. It closes once no
 * dead letter of it is left and an event of its type was delivered since the last one died, be it a replayed or a
 * fresh one; or once none is left and none that was replayed can be on its way: all were discarded, and nothing is
 * awaited. Where other events of the client are on their way, those that were replayed may be among them.
 */
export function nextStep(incident: OpenIncident, { isUnderWay, dead, delivered }: IncidentFacts): NextStep {
  const { told, count, left, deliveredBefore, replayed, type } = incident;
  if (told === undefined) return { kind: 'opened' };
  if (count >= told * GROWTH) return { kind: 'grew' };
  if (left > 0 && dead > 0) return { kind: 'nothing' };
  if ((delivered.get(type) ?? 0) > deliveredBefore) return { kind: 'closed', end: 'delivered' };
  return replayed > 0 && isUnderWay ? { kind: 'nothing' } : { kind: 'closed', end: 'discarded' };
}
