import { type Metric, metric } from '../core/metric.ts';

/** What a service says of itself. */
export interface ServiceState {
  readonly version: string;
  readonly redisUp: boolean;
  readonly workers: {
    readonly alive: number;
    readonly wanted: number;
    readonly silent: number;
    readonly lost: number;
  };
}

/** The service itself, as metrics. */
export function describeService({ version, redisUp, workers }: ServiceState): Metric[] {
  const { alive, wanted, silent, lost } = workers;
  const one = (type: Metric['type'], name: string, help: string, value: number, labels = {}): Metric =>
    metric(type, name, help, [{ labels, value }]);
  return [
    one('gauge', 'waybill_build_info', 'The version, as a label.', 1, { version }),
    one('gauge', 'waybill_redis_up', '1 where Redis told of the queues for this scrape.', Number(redisUp)),
    one('gauge', 'waybill_workers', 'Worker processes that deliver.', alive),
    one('gauge', 'waybill_workers_wanted', 'Worker processes that ought to.', wanted),
    one('gauge', 'waybill_workers_silent', 'Workers that did not report for this scrape in time.', silent),
    one('counter', 'waybill_workers_lost_total', 'Worker processes that did not end in good order.', lost),
  ];
}
