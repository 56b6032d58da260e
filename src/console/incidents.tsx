import { useState } from 'preact/hooks';
import type { z } from 'zod';
import type { toldIncidentSchema } from '../api/incidents.ts';
import { get } from './api.ts';
import { count, duration, failureText, plural, typeName, visible } from './format.ts';
import type { LiveState } from './live.ts';
import { ReportDialog } from './report.tsx';
import { linkTo } from './route.ts';
import { Failure, Foreign, Time, useAsked, useEvery } from './ui.tsx';

export type Incident = z.infer<typeof toldIncidentSchema>;

/** What the service knows of incidents. */
export interface Incidents {
  readonly open: readonly Incident[];
  readonly closed: readonly Incident[];
}

const AGAIN_MS = 10_000;

interface IncidentsProps {
  readonly live: LiveState;
  readonly client: string | undefined;
  readonly mayOperate: boolean;
}

/** Incidents of all clients, or of one. */
export function IncidentsPage({ live, client, mayOperate }: IncidentsProps) {
  const { answer, error, again } = useAsked(
    (signal) => get<Incidents>('/v1/incidents', { client }, signal),
    [client],
  );
  useEvery(AGAIN_MS, () => live.link === 'live' && again());
  return (
    <>
      <h1>{answer === undefined ? 'Incidents' : headline(answer)}</h1>
      {client !== undefined && (
        <p>
          Of <Foreign text={client} /> alone; <a href={linkTo('incidents')}>of all clients</a>
        </p>
      )}
      <Failure error={error} />
      {answer !== undefined && answer.open.length > 0 && (
        <IncidentList incidents={answer.open} mayOperate={mayOperate} />
      )}
      {answer !== undefined && (
        <>
          <h2>Over, in the last 7 days</h2>
          {answer.closed.length === 0 ? (
            <p class="quiet">None.</p>
          ) : (
            <IncidentList incidents={answer.closed} mayOperate={mayOperate} />
          )}
        </>
      )}
    </>
  );
}

function headline({ open }: Incidents): string {
  return open.length === 0
    ? 'No incident is open'
    : `${plural(open.length, 'incident')} ${open.length === 1 ? 'is' : 'are'} open`;
}

/** What happened, in its order. */
function courseOf({ failingSince, openedAt, cause, downSince, lastAt, told, closedAt, end }: Incident) {
  const steps = [
    { at: failingSince, text: 'the first attempt failed' },
    { at: downSince, text: 'down since then' },
    { at: openedAt, text: `opened: ${CAUSES[cause]}` },
    { at: lastAt, text: 'the last event was given up on' },
    ...told.map(({ at, channel, kind, reason }) => ({ at, text: toldText(channel, kind, reason) })),
    { at: closedAt, text: `closed: ${ENDS[end ?? 'quiet']}` },
  ];
  const known = steps.flatMap(({ at, text }) => (at === null ? [] : [{ at, text }]));
  return known.sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
}

function toldText(channel: string, kind: string, reason: string | null): string {
  const what = `that it ${kind === 'grew' ? 'grew' : kind}`;
  return reason === null ? `told ${channel} ${what}` : `${channel} was not told ${what}: ${visible(reason)}`;
}

const CAUSES = {
  died: 'events were given up on',
  down: 'the endpoint went down',
  judged: 'a hundred client errors in a row',
} as const;

const ENDS = {
  delivered: 'delivered again',
  discarded: 'all discarded',
  quiet: 'nothing failed any longer',
} as const;
/** More of them would be too much of a page. */
const MOST_SHOWN = 100;

/** Each with its course and who was told. */
export function IncidentList({
  incidents,
  mayOperate,
}: {
  incidents: readonly Incident[];
  mayOperate: boolean;
}) {
  const shown = incidents.slice(0, MOST_SHOWN);
  return (
    <>
      <ol class="incidents">
        {shown.map((incident) => (
          <li key={incident.id}>
            <OneIncident {...{ incident, mayOperate }} />
          </li>
        ))}
      </ol>
      {incidents.length > shown.length && (
        <p class="quiet">
          and {count(incidents.length - shown.length)} more: "only this client" of one shows those of its
          client.
        </p>
      )}
    </>
  );
}

function OneIncident({ incident, mayOperate }: { incident: Incident; mayOperate: boolean }) {
  const [isReporting, setReporting] = useState(false);
  const { client, type, openedAt, closedAt, events, deadLetters, diedAgain, waiting } = incident;
  const lasted = (Date.parse(closedAt ?? new Date().toISOString()) - Date.parse(openedAt)) / 1_000;
  return (
    <article class={closedAt === null ? 'incident open' : 'incident'}>
      <h3>
        <a href={linkTo('endpoint', [client, type])}>
          <Foreign text={client} /> {typeName(type)}
        </a>{' '}
        <span class="quiet">
          {closedAt === null ? 'open for' : 'lasted'} {duration(lasted)}
        </span>
      </h3>
      <ol class="course">
        {courseOf(incident).map(({ at, text }) => (
          <li key={`${at} ${text}`}>
            <Time at={at} /> {text}
          </li>
        ))}
      </ol>
      <p>
        {plural(events, 'event')} given up on
        {diedAgain > 0 && `, ${count(diedAgain)} of them again after a replay`};{' '}
        <a href={linkTo('dead-letters', [], { client, type })}>{plural(deadLetters, 'dead letter')}</a>
        {' left'}
        {waiting !== null && `; ${plural(waiting, 'event')} ${waiting === 1 ? 'waits' : 'wait'}`}.
      </p>
      {incident.failures.length > 0 && (
        <ul class="failures">
          {incident.failures.map(({ class: failureClass, status, events: failed }) => (
            <li key={`${status} ${failureClass}`}>
              {failureText(status, failureClass)} <b>{count(failed)}</b>
            </li>
          ))}
        </ul>
      )}
      <p class="buttons">
        <button type="button" onClick={() => setReporting(true)}>
          Report…
        </button>
        <a href={linkTo('incidents', [], { client })}>only this client</a>
      </p>
      {isReporting && (
        <ReportDialog
          {...{ client, type, mayOperate }}
          incident={incident.id}
          onClose={() => setReporting(false)}
        />
      )}
    </article>
  );
}
