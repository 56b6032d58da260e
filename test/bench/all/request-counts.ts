/** How many requests were answered with each status within one second; 0: the sender left before the answer. */
export type SecondOfRequests = Readonly<Record<string, number>>;

const DELIVERED = '200';

/** All requests of all seconds, and those of them that delivered. */
export function sumUp(seconds: readonly SecondOfRequests[]): { requests: number; delivered: number } {
  let [requests, delivered] = [0, 0];
  for (const second of seconds) {
    for (const count of Object.values(second)) requests += count;
    delivered += second[DELIVERED] ?? 0;
  }
  return { requests, delivered };
}

/**
 * Events delivered per second from second `from` on, up to the second in which `enough` events were delivered in
 * all, or to the last one. NaN if that lies before `from`.
 */
export function deliveredPerSecond(
  seconds: readonly SecondOfRequests[],
  from: number,
  enough: number,
): number {
  let [delivered, before, to] = [0, 0, 0];
  for (const second of seconds) {
    if (delivered >= enough) break;
    if (to === from) before = delivered;
    delivered += second[DELIVERED] ?? 0;
    to += 1;
  }
  return to > from ? (delivered - before) / (to - from) : Number.NaN;
}
