import { type CoursePoint, readCourse } from '../core/course.ts';
import type { Batch, StoredEvent } from '../core/event.ts';
import type { FailureExample } from '../core/incident.ts';
import { decodeData } from './admit.ts';
import { courseKey, type Endpoint, endpointPrefix, incidentDetailsKey, incidentsKey } from './names.ts';
import type { Connection } from './servers.ts';

/** What is kept of an outage beside its numbers. */
export interface OutageRecords {
  /** The attempts over time, oldest first; empty: none are known. */
  readonly course: readonly CoursePoint[];
  /** What came back when it was told last. */
  readonly examples: readonly FailureExample[];
}

/** Reads the records of an endpoint that fails. */
export async function readOutageRecords(redis: Connection, endpoint: Endpoint): Promise<OutageRecords> {
  const [fields, examples] = await Promise.all([
    redis.hgetall(courseKey(endpoint)),
    redis.hget(incidentsKey(endpoint.client), `${endpoint.type}:examples`),
  ]);
  return { course: readCourse(fields), examples: toExamples(examples) };
}

/** Reads the records of an incident that is over. */
export async function readClosedRecords(
  redis: Connection,
  client: string,
  id: string,
): Promise<OutageRecords> {
  const text = await redis.get(incidentDetailsKey(client, id));
  const { course, examples = null } = JSON.parse(text ?? '{"course":{}}');
  return { course: readCourse(course), examples: toExamples(examples) };
}

function toExamples(text: string | null): readonly FailureExample[] {
  return text === null ? [] : JSON.parse(text);
}

/** Reads some events of an endpoint that failed and will be tried again: those of the first `jobs` jobs that are due. */
export async function readRetrying(
  redis: Connection,
  endpoint: Endpoint,
  jobs: number,
): Promise<StoredEvent[]> {
  const prefix = endpointPrefix(endpoint);
  const ids = await redis.zrange(`${prefix}delayed`, 0, String(jobs - 1));
  const texts = await Promise.all(ids.map((id) => redis.hget(`${prefix}${id}`, 'data')));
  const batches = texts.map((text) => decodeData(text ?? '') as Partial<Batch> | undefined);
  return batches.flatMap((batch) => batch?.events ?? []).filter(({ history = [] }) => history.length > 0);
}
