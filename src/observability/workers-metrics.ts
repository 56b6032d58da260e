import { AggregatorRegistry } from 'prom-client';
import type { Metric } from '../core/metric.ts';
import { isOfProcess, nameProcess } from './process-metrics.ts';

/** A worker process that reports what it has counted. */
export interface ReportingWorker {
  readonly ready: Promise<void>;
  readonly exit: Promise<{ readonly code: number | null }>;
  /** Its latest report; undefined before the first. */
  readonly latestReport: readonly Metric[] | undefined;
  /** Asks for a new one. @returns false: none came in time */
  askReport(limitMs: number): Promise<boolean>;
}

/** The metrics of a service's worker processes, and how many of these deliver. */
export interface WorkersMetrics {
  add(worker: ReportingWorker): void;
  readonly alive: number;
  /** How many ended with an exit code other than 0, or by a signal. */
  readonly lost: number;
  /** Asks all workers for their reports. A slow worker counts with its latest one. */
  collect(limitMs: number): Promise<CollectedMetrics>;
}

/** What the workers report, and how many of them did not in time. */
export interface CollectedMetrics {
  readonly metrics: readonly (readonly Metric[])[];
  readonly silent: number;
}

interface Member {
  readonly worker: ReportingWorker;
  /** The lowest free number: a successor takes the number of a worker that ended. */
  readonly number: number;
  delivers: boolean;
}

/** The metrics of no workers yet. */
export function createWorkersMetrics(): WorkersMetrics {
  const members = new Set<Member>();
  let ofEnded: Metric[] = [];
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
      ofEnded = addUp([ofEnded, lasting(worker.latestReport ?? [])]);
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
    async collect(limitMs) {
      // A worker that does not deliver yet does not listen.
      const asked = [...members].filter(({ delivers }) => delivers);
      const answered = await Promise.all(asked.map(({ worker }) => worker.askReport(limitMs)));
      const reports = [...members].map(({ worker, number }) =>
        nameProcess(worker.latestReport ?? [], `worker-${number}`),
      );
      return { metrics: [ofEnded, ...reports], silent: answered.filter((inTime) => !inTime).length };
    },
  };
}

/** What stays true of an ended process: its counts, not what it had in flight. */
function lasting(metrics: readonly Metric[]): Metric[] {
  return metrics.filter((one) => one.type !== 'gauge' && !isOfProcess(one));
}

/** The content type of `toText` (Prometheus' text format). */
export const TEXT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Adds up what several processes tell: values with the same labels become one. */
function addUp(all: readonly (readonly Metric[])[]): Metric[] {
  const registry = AggregatorRegistry.aggregate(all as Metric[][]);
  return registry.getMetricsAsArray().map((summed) => {
    const { name, help, type, aggregator, values } = summed as unknown as Metric;
    return { name, help, type, aggregator, values };
  });
}

/** Writes metrics as Prometheus reads them, those of several processes added up. */
export function toText(all: readonly (readonly Metric[])[]): Promise<string> {
  return AggregatorRegistry.aggregate(all as Metric[][]).metrics();
}
