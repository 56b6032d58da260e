import { z } from 'zod';
import type { ResolvedClient } from '../config/config-schema.ts';
import { mailAddress } from '../config/smtp-config.ts';
import { EVENT_TYPE_NAMES } from '../core/event-types.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { mailReport } from '../incidents/mail-report.ts';
import {
  findIncident,
  makeReport,
  REPORT_FORMATS,
  type ReportFormat,
  writeReport,
} from '../incidents/make-report.ts';
import { noteAction } from '../queue/audit.ts';
import type { ApiParts, ApiServer } from './api-parts.ts';
import { clientOf } from './clients.ts';
import { moment } from './dead-letters.ts';
import { keyOf } from './keys.ts';
import { ProblemError } from './problems.ts';
import { reportSchema } from './report-schema.ts';
import { count, problems } from './schemas.ts';

/** The first is for requests that want none of them more than another. */
const MEDIA_TYPES: Readonly<Record<ReportFormat, string>> = {
  json: 'application/json',
  md: 'text/markdown',
  html: 'text/html',
};

const params = z.strictObject({ client: z.string().describe('the name of a client') });

const about = {
  type: z.enum(EVENT_TYPE_NAMES).optional().describe('of one event type'),
  incident: z.string().optional().describe('of an incident by its id, also one that is over'),
  since: moment.optional().describe('of events that died at or after'),
};
const query = z.strictObject({
  ...about,
  format: z.enum(REPORT_FORMATS).optional().describe('instead of what Accept says'),
});

/** `GET /v1/clients/:client/report`, `POST /v1/clients/:client/report/send` */
export function addReportRoutes(server: ApiServer, parts: ApiParts): void {
  addWriteRoute(server, parts);
  addSendRoute(server, parts);
}

function addWriteRoute(server: ApiServer, parts: ApiParts): void {
  server.get(
    '/v1/clients/:client/report',
    {
      schema: {
        operationId: 'getReport',
        tags: ['clients'],
        summary: "The report for a client's tech support: what fails, since when, and what is asked of them",
        params,
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
      const { format = preferredFormat(request.headers.accept), ...asked } = request.query;
      const { report } = await reportOf(parts, clientOf(request, request.params.client), asked);
      const text = await writeReport(report, format);
      return reply.header('vary', 'accept').type(`${MEDIA_TYPES[format]}; charset=utf-8`).send(text);
    },
  );
}

const sendBody = z.strictObject({
  ...about,
  to: mailAddress.optional().describe("instead of the client's contact.email"),
  dryRun: z.boolean().optional().describe('only say to whom, and of how many events'),
});

function addSendRoute(server: ApiServer, parts: ApiParts): void {
  const { current, redis, newId } = parts;
  server.post(
    '/v1/clients/:client/report/send',
    {
      schema: {
        operationId: 'sendReport',
        tags: ['clients'],
        summary: "Mail the report to the client's tech support, with the list of units attached",
        params,
        body: sendBody.nullish(),
        response: {
          200: z.object({
            sent: z.boolean(),
            to: z.string(),
            events: count.describe('dead letters that it is of'),
          }),
          ...problems(400, 404, 413, 415, 422, 502),
        },
      },
    },
    async (request) => {
      const { dryRun = false, to, ...asked } = request.body ?? {};
      const client = clientOf(request, request.params.client);
      const { smtp } = current().config;
      const address = to ?? client.contact?.email;
      if (smtp === undefined) throw notConfigured('the configuration has no section smtp');
      if (address === undefined) throw notConfigured(`client "${client.name}" has no contact.email`);
      const report = await reportOf(parts, client, asked);
      if (!dryRun) {
        const { type, since } = asked;
        const note = { id: newId(), action: 'report', by: keyOf(request), filter: { type, since } } as const;
        // Before the mail: if it cannot be noted, nothing is sent, and asking again sends it once.
        await noteAction(redis, client.name, note);
        await mailReport(smtp, client, report, address).catch(toMailProblem);
      }
      return { sent: !dryRun, to: address, events: report.report.events };
    },
  );
}

function notConfigured(why: string): ProblemError {
  return new ProblemError('MAIL_NOT_CONFIGURED', why);
}

function toMailProblem(error: Error): never {
  if (!(error instanceof WaybillError)) throw error;
  throw new ProblemError('MAIL_NOT_SENT', error.message, undefined, { cause: error });
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
  return makeReport(redis, client, { type, incident, since, keepDays, now: now(), onRead });
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
