import { parseConfig } from '../../../src/config/load-config.ts';
import { Intake } from '../../../src/intake/intake.ts';
import type { NewBatch, WriteOutcome } from '../../../src/queue/admit.ts';
import type { Endpoint } from '../../../src/queue/names.ts';
import { MINIMAL } from '../../support/config-problems.ts';

/** A batch and the endpoint that it was written to. */
export interface WrittenBatch extends NewBatch {
  readonly endpoint: Endpoint;
}

/** The outcome of a write, at once or later. */
type Answer = (batches: readonly NewBatch[]) => WriteOutcome | Promise<WriteOutcome>;

/** An intake that records each batch that it writes. Ids are `id-0`, `id-1`, … in the order of their making. */
export function recordedIntake(answer: Answer = () => ({ kind: 'committed' }), config = MINIMAL) {
  const written: WrittenBatch[] = [];
  let ids = 0;
  const intake = new Intake({
    clients: parseConfig(config, '/srv/acme/waybill.yaml', {}).clients,
    async admit(endpoint, batches) {
      written.push(...batches.map((batch) => ({ ...batch, endpoint })));
      return answer(batches);
    },
    newId: () => `id-${ids++}`,
  });
  return { intake, written };
}
