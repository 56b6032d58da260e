import { type CourseKind, type CoursePoint, isDelivered, tabulateCourse } from '../core/course.ts';
import type { EndpointReport } from './build-report.ts';
import { describeFailureKind, eventsOf, momentOf } from './describe-notice.ts';
import { plain, table } from './markdown-text.ts';

/** What a table on paper has room for. */
const MOST_ROWS = 15;
const MOST_COLUMNS = 5;

/** The heading above the course of an outage. */
export const COURSE_HEADING = 'The course of the outage';

/** Whether the incident that is told of an endpoint is over. */
export function isOver({ incident }: EndpointReport): boolean {
  return incident !== null && incident.closedAt !== null;
}

/** Whether nothing of an endpoint failed, and it is told of for its web pages only. */
export function isQuiet({ events, incident }: EndpointReport): boolean {
  return events === 0 && incident === null;
}

/** What happened to endpoints of which no event stands that was given up on; a sentence or two. */
export function outageLead(endpoints: readonly EndpointReport[], where: string): string {
  const [first] = endpoints;
  if (endpoints.every(isQuiet)) return `Nothing fails, but ${where} may be at another URL than we have.`;
  if (first !== undefined && endpoints.every(isOver)) {
    return `Between ${momentOf(first.failingSince)} and ${momentOf(first.incident?.closedAt ?? first.failingSince)} events for ${where} could not be delivered. It is over.`;
  }
  const waiting = endpoints.reduce((sum, { incident }) => sum + (incident?.waiting ?? 0), 0);
  const wait = `${eventsOf(waiting)} ${waiting === 1 ? 'waits' : 'wait'} here; none was given up on yet.`;
  const isDown = endpoints.some(({ incident }) => incident?.state === 'down');
  return `${isDown ? `Nothing can be delivered to ${where}` : `Events for ${where} fail`}. ${wait}`;
}

/** A row of that table about web pages. */
export function pageFacts({ webPages }: EndpointReport): string[][] {
  if (webPages === null) return [];
  const { deliveries, since, latestAt } = webPages;
  const count = deliveries.toLocaleString('en-US');
  return [
    ['Deliveries answered with a web page', `${count}, from ${momentOf(since)} to ${momentOf(latestAt)}`],
  ];
}

/** Rows of the table about an endpoint: what is known of its outage. */
export function outageFacts({ incident, events }: EndpointReport): string[][] {
  if (incident === null) return [];
  const { downSince, waiting, closedAt, diedAgain } = incident;
  const number = (count: number): string => count.toLocaleString('en-US');
  return [
    ...(downSince === null ? [] : [['Nothing delivered since', momentOf(downSince)]]),
    ...(closedAt === null ? [] : [['Over since', momentOf(closedAt)]]),
    ...((waiting ?? 0) === 0 ? [] : [['Events that wait', number(waiting ?? 0)]]),
    // Without dead letters the report counts none.
    ...(events > 0 || incident.events === 0
      ? []
      : [['Events given up on meanwhile', number(incident.events)]]),
    ...(diedAgain === 0 ? [] : [['Given up on again after a replay', number(diedAgain)]]),
  ];
}

/** The attempts over time, as a table. */
export function courseParts(endpoint: EndpointReport): string[] {
  const points = coursePoints(endpoint);
  if (points.length === 0) return [];
  const { everyMs, kinds, spans } = tabulateCourse(points, MOST_ROWS, MOST_COLUMNS);
  const rows = spans.map(({ at, counts }) => [
    momentOf(at),
    ...counts.map((count) => count.toLocaleString('en-US')),
  ]);
  return [
    `### ${COURSE_HEADING}`,
    `Attempts per ${spanName(everyMs)}, counted since the first failure.`,
    table(['From', ...kinds.map((kind) => plain(kindName(kind)))], rows),
  ];
}

/** The course of an endpoint as it is arranged in tables and plots. */
export function coursePoints({ course }: EndpointReport): CoursePoint[] {
  return course.map((point) => ({
    at: Date.parse(point.at),
    class: point.class,
    status: point.status ?? 0,
    count: point.attempts,
  }));
}

/** What attempts came to, in a word or two. */
export function kindName(kind: CourseKind): string {
  return isDelivered(kind) ? 'delivered' : describeFailureKind(kind);
}

/** What attempts are counted by, a span of whole minutes: `minute`, `5 minutes`, `hour`. */
export function spanName(ms: number): string {
  const minutes = ms / 60_000;
  const [count, unit] =
    minutes % 1_440 === 0
      ? [minutes / 1_440, 'day']
      : minutes % 60 === 0
        ? [minutes / 60, 'hour']
        : [minutes, 'minute'];
  return count === 1 ? String(unit) : `${count} ${unit}s`;
}
