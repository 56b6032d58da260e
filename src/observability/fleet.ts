import type { Metric } from '../core/metric.ts';
import { addUp } from './add-up.ts';
import { isOfProcess, nameProcess } from './process-metrics.ts';

/** A worker process that tells what it has counted. */
export interface ReportingWorker {
  /** Resolves when it delivers. */
  readonly ready: Promise<void>;
  readonly exit: Promise<{ readonly code: number | null }>;
  /** Its latest report; undefined before the first. */
  readonly latestReport: readonly Metric[] | undefined;
  /** Asks for a new one. @returns false where none came within so many milliseconds */
  askReport(limitMs: number): Promise<boolean>;
}

/** All worker processes of a service, and what those have counted that are gone. */
export interface Fleet {
  add(worker: ReportingWorker): void;
  /** How many deliver. */
  readonly alive: number;
  /** How many ended otherwise than in good order. */
  readonly lost: number;
  /** Asks all for their reports. A worker that is slow counts with its latest one. */
  gather(limitMs: number): Promise<Gathered>;
}

/** What the workers tell, and how many of them did not in time. */
export interface Gathered {
  readonly metrics: readonly (readonly Metric[])[];
  readonly silent: number;
}

interface Member {
  readonly worker: ReportingWorker;
  /** The lowest number that was free: a successor takes the number of one that is gone. */
  readonly number: number;
  delivers: boolean;
}

/** Builds a fleet without workers. */
export function createFleet(): Fleet {
  const members = new Set<Member>();
  let ended: Metric[] = [];
  let lost = 0;

  function freeNumber(): number {
    const taken = new Set([...members].map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number += 1;
    return number;
  }

  function add(worker: ReportingWorker): void {
    const member: Member = { worker, number: freeNumber(), delivers: false };
    members.add(member);
    void worker.ready.then(() => {
      member.delivers = true;
    });
    void worker.exit.then(({ code }) => {
      members.delete(member);
      if (code !== 0) lost += 1;
      // In the same step, so that no sum is ever less than before.
      ended = addUp([ended, lasting(worker.latestReport ?? [])]);
    });
  }

  return {
    add,
    get alive() {
      return [...members].filter(({ delivers }) => delivers).length;
    },
    get lost() {
      return lost;
    },
    async gather(limitMs) {
      // One that does not deliver yet has nothing to tell, and does not listen.
      const asked = [...members].filter(({ delivers }) => delivers);
      const answered = await Promise.all(asked.map(({ worker }) => worker.askReport(limitMs)));
      const reports = [...members].map(({ worker, number }) =>
        nameProcess(worker.latestReport ?? [], `worker-${number}`),
      );
      return { metrics: [ended, ...reports], silent: answered.filter((inTime) => !inTime).length };
    },
  };
}

/** What stays true of a process that is gone: what it has counted, not what it had under way. */
function lasting(metrics: readonly Metric[]): Metric[] {
  return metrics.filter((one) => one.type !== 'gauge' && !isOfProcess(one));
}
