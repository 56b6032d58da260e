/*
 * The course of an outage: the attempts at one endpoint over time. It is counted from the first failure on; an endpoint
 * that does not fail has none.
 */

/** The attempts of one span of time that came to one thing. */
export interface CoursePoint {
  /** When the span began, ms since the epoch. */
  readonly at: number;
  /** The failure class, or `delivered`. */
  readonly class: string;
  /** 0: there was no status. */
  readonly status: number;
  readonly count: number;
}

/** What attempts came to: a class and a status. */
export type CourseKind = Pick<CoursePoint, 'class' | 'status'>;

/** The attempts of equal spans of time, without a gap. */
export interface CourseTable {
  /** How long a span lasts, in ms. */
  readonly everyMs: number;
  /** Delivered ones first, then the most frequent failures; further ones are of class `others`. */
  readonly kinds: readonly CourseKind[];
  /** When each span began (ms since the epoch), and its attempts in the order of `kinds`. */
  readonly spans: readonly { readonly at: number; readonly counts: readonly number[] }[];
}

const MINUTE_MS = 60_000;
/** Spans that people read well, in minutes. */
const WIDTHS = [1, 2, 5, 10, 15, 30, 60, 120, 180, 360, 720, 1_440];
const DELIVERED = 'delivered';
const OTHERS: CourseKind = { class: 'others', status: 0 };

/** Reads a course as it is counted: fields `<minute>:<class>:<status>`. @returns its points, oldest first */
export function readCourse(fields: Readonly<Record<string, string>>): CoursePoint[] {
  const points = Object.entries(fields).flatMap(([field, count]) => {
    const [minute = '', name = '', status] = field.split(':');
    if (status === undefined) return [];
    return [{ at: Number(minute) * MINUTE_MS, class: name, status: Number(status), count: Number(count) }];
  });
  return points.sort((a, b) => a.at - b.at || a.status - b.status);
}

/** Arranges a course of at least one point in `mostSpans` spans and `mostKinds` columns, at most. */
export function tabulateCourse(
  points: readonly CoursePoint[],
  mostSpans: number,
  mostKinds: number,
): CourseTable {
  // 200 or 201: what matters here is that it was delivered.
  const merged = points.map((point) => (isDelivered(point) ? { ...point, status: 0 } : point));
  const first = Math.min(...points.map(({ at }) => at));
  const last = Math.max(...points.map(({ at }) => at));
  const fits = (ms: number): boolean => Math.floor(last / ms) - Math.floor(first / ms) < mostSpans;
  const days = Math.ceil((last - first) / (1_440 * MINUTE_MS * mostSpans)) + 1;
  const everyMs = MINUTE_MS * (WIDTHS.find((width) => fits(width * MINUTE_MS)) ?? 1_440 * days);
  const kinds = kindsOf(merged, mostKinds);
  const from = Math.floor(first / everyMs);
  const spans = Array.from({ length: Math.floor(last / everyMs) - from + 1 }, (_, i) => ({
    at: (from + i) * everyMs,
    counts: kinds.map(() => 0),
  }));
  for (const point of merged) {
    const counts = spans[Math.floor(point.at / everyMs) - from]?.counts;
    const known = kinds.findIndex((kind) => isSame(kind, point));
    const column = known === -1 ? kinds.length - 1 : known;
    if (counts !== undefined) counts[column] = (counts[column] ?? 0) + point.count;
  }
  return { everyMs, kinds, spans };
}

/** What the attempts came to, most frequent first, with their numbers. */
export function totalsOf(points: readonly CoursePoint[]): (CourseKind & { readonly count: number })[] {
  const totals = new Map<string, CourseKind & { count: number }>();
  for (const { class: name, status, count } of points) {
    const key = `${name}:${status}`;
    totals.set(key, { class: name, status, count: count + (totals.get(key)?.count ?? 0) });
  }
  return [...totals.values()].sort((a, b) => b.count - a.count || a.status - b.status);
}

function kindsOf(points: readonly CoursePoint[], most: number): readonly CourseKind[] {
  const totals = totalsOf(points);
  const sorted = [...totals.filter(isDelivered), ...totals.filter((one) => !isDelivered(one))];
  return sorted.length <= most ? sorted : [...sorted.slice(0, most - 1), OTHERS];
}

/** Whether attempts delivered their events. */
export function isDelivered(kind: CourseKind): boolean {
  return kind.class === DELIVERED;
}

/** Whether attempts came to the same thing. */
export function isSame(a: CourseKind, b: CourseKind): boolean {
  return a.class === b.class && a.status === b.status;
}
