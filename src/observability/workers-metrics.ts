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

interface Member {
  readonly worker: ReportingWorker;
  /** The lowest free number: a successor takes the number of a worker that ended. */
  readonly number: number;
  delivers: boolean;
}

/** The metrics of a service's worker processes, and how many of these deliver. */
export class WorkersMetrics {
  /** How many ended with an exit code other than 0, or by a signal. */
  lost = 0;
  readonly #members = new Set<Member>();
  #ofEnded: Metric[] = [];

  add(worker: ReportingWorker): void {
    const taken = new Set([...this.#members].map(({ number }) => number));
    let number = 1;
    while (taken.has(number)) number += 1;
    const member: Member = { worker, number, delivers: false };
    this.#members.add(member);
    void worker.ready.then(() => {
      member.delivers = true;
    });
    void worker.exit.then(({ code }) => {
      this.#members.delete(member);
      if (code !== 0) this.lost += 1;
      // In the same step, so that no sum is ever less than before.
      this.#ofEnded = addUp([this.#ofEnded, lasting(worker.latestReport ?? [])]);
    });
  }

  get alive(): number {
    return this.#delivering().length;
  }

  /** Asks all workers for their reports. A slow worker, one of `silent`, counts with its latest one. */
  async collect(limitMs: number): Promise<{ metrics: (readonly Metric[])[]; silent: number }> {
    const answered = await Promise.all(this.#delivering().map(({ worker }) => worker.askReport(limitMs)));
    const reports = [...this.#members].map(({ worker, number }) =>
      nameProcess(worker.latestReport ?? [], `worker-${number}`),
    );
    return { metrics: [this.#ofEnded, ...reports], silent: answered.filter((inTime) => !inTime).length };
  }

  /** A worker that does not deliver yet does not listen. */
  #delivering(): Member[] {
    return [...this.#members].filter(({ delivers }) => delivers);
  }
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
