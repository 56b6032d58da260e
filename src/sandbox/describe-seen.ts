import type { Tally } from './request-log.ts';

/** What there is to say about a company. */
export interface Sight {
  readonly name: string;
  readonly tally: Tally;
  readonly tokenTally: Tally;
  readonly deliveredIds: ReadonlySet<string>;
  readonly connections: { readonly opened: number; readonly open: number };
}

/** Says in a sentence what a company has received and answered: for the errors of waits that ended in vain. */
export function describeSeen({ name, tally, tokenTally, connections, deliveredIds }: Sight): string {
  return (
    `company "${name}" saw ${describe(tally, 'deliveries')} (${deliveredIds.size} events accepted), ` +
    `${describe(tokenTally, 'token requests')}, ${connections.open} of ${connections.opened} connections open`
  );
}

function describe({ received, byAnswer, inFlight }: Tally, what: string): string {
  const answers = [...byAnswer].map(([kind, times]) => `${kind} × ${times}`);
  if (inFlight > 0) answers.push(`under way × ${inFlight}`);
  return `${received} ${what}${answers.length > 0 ? ` [${answers.join(', ')}]` : ''}`;
}
