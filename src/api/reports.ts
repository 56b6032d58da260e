import { z } from 'zod';
import type { ResolvedClient } from '../config/config-schema.ts';
import { EVENT_TYPE_NAMES } from '../core/event-types.ts';
import {
  findIncident,
  makeReport,
  REPORT_FORMATS,
  type ReportFormat,
  writeReport,
} from '../incidents/make-report.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { clientOf } from './clients.ts';
import { moment } from './dead-letters.ts';
import { ProblemError } from './problems.ts';
import { reportSchema } from './report-schema.ts';
import { problems } from './schemas.ts';

/** The first is for requests that want none of them more than another. */
const MEDIA_TYPES: Readonly<Record<ReportFormat, string>> = {
  json: 'application/json',
  md: 'text/markdown',
  html: 'text/html',
};

const query = z.strictObject({
  type: z.enum(EVENT_TYPE_NAMES).optional().describe('of one event type'),
  incident: z.string().optional().describe('of an incident by its id, also one that is over'),
  since: moment.optional().describe('of events that died at or after'),
  format: z.enum(REPORT_FORMATS).optional().describe('instead of what Accept says'),
});

/** `GET /v1/clients/:client/report` */
export function addReportRoute(server: ApiServer, parts: ApiParts): void {
  server.get(
    '/v1/clients/:client/report',
    {
      schema: {
        operationId: 'getReport',
        tags: ['clients'],
        summary: "The report for a client's tech support: what fails, since when, and what is asked of them",
        params: z.strictObject({ client: z.string().describe('the name of a client') }),
        querystring: query,
        response: {
          200: {
            description: 'the report, in what the request accepts most; in doubt it is JSON',
            content: {
              [MEDIA_TYPES.json]: { schema: reportSchema },
              [MEDIA_TYPES.md]: { schema: z.string() },
              [MEDIA_TYPES.html]: { schema: z.string() },
            },
          },
          ...problems(400, 404, 422),
        },
      },
    },
    async (request, reply) => {
      const { format = preferredFormat(request.headers.accept), ...about } = request.query;
      const report = await reportOf(parts, clientOf(request, request.params.client), about);
      const text = await writeReport(report, format);
      return reply.header('vary', 'accept').type(`${MEDIA_TYPES[format]}; charset=utf-8`).send(text);
    },
  );
}

/** @throws ProblemError */
async function reportOf(
  { current, redis, http, now }: ApiParts,
  client: ResolvedClient,
  { type, since, incident: id }: Omit<z.infer<typeof query>, 'format'>,
) {
  const deadline = performance.now() + http.requestTimeoutMs;
  const incident = id === undefined ? undefined : await findIncident(redis, client.name, id, now());
  if (id !== undefined && incident === undefined) {
    throw new ProblemError('NOT_FOUND', `incident "${id}" is not known: GET /v1/incidents has the ids`);
  }
  const onRead = (): void => {
    if (performance.now() >= deadline) throw tooMany(client.name, http.requestTimeoutMs);
  };
  const { keepDays } = current();
  const { report } = await makeReport(redis, client, { type, incident, since, keepDays, now: now(), onRead });
  return report;
}

function tooMany(client: string, ms: number): ProblemError {
  return new ProblemError(
    'TOO_MANY_DEAD_LETTERS',
    `reading them takes longer than requestTimeoutMs (${ms}): "waybill report ${client}" takes its time`,
  );
}

/** The format that an Accept header wants most (RFC 9110, section 12.5.1); JSON if it does not matter. */
export function preferredFormat(accept = '*/*'): ReportFormat {
  const ranges = accept
    .toLowerCase()
    .split(',')
    .map((part) => {
      const [range = '', ...parameters] = part.split(';').map((text) => text.trim());
      const weight = parameters.find((text) => text.startsWith('q='))?.slice('q='.length) ?? 1;
      return { range, weight: Number(weight) || 0 };
    });
  const weightOf = (type: string): number => {
    const [family] = type.split('/');
    const like = [type, `${family}/*`, '*/*'];
    const found = like.map((one) => ranges.find(({ range }) => range === one));
    return found.find((one) => one !== undefined)?.weight ?? 0;
  };
  const formats = Object.entries(MEDIA_TYPES) as [ReportFormat, string][];
  const weighed = formats.map(([format, type]) => ({ format, weight: weightOf(type) }));
  return weighed.reduce((best, one) => (one.weight > best.weight ? one : best)).format;
}
