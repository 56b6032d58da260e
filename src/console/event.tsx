import type { z } from 'zod';
import type { deadLetterDetailSchema } from '../api/schemas.ts';
import type { recordSchema } from '../api/search-events.ts';
import { get } from './api.ts';
import { count, failureText, typeName } from './format.ts';
import { linkTo } from './route.ts';
import { Fact, Failure, Foreign, SourceText, Time, useAsked } from './ui.tsx';

/** An event as a search finds it. */
export type EventRecord = z.infer<typeof recordSchema>;
type DeadLetter = z.infer<typeof deadLetterDetailSchema>;

/** What a search found. */
export interface Found {
  readonly events: readonly EventRecord[];
  readonly found: number;
  readonly complete: boolean;
}

const COLOURS: Readonly<Record<string, string>> = { dead: 'down', retrying: 'slowed', delivered: 'ok' };

/** What became of an event, so far. */
export function EventState({ event: { state, waitsFor } }: { event: EventRecord }) {
  return (
    <>
      <span class={`state state-${COLOURS[state] ?? 'paused'}`}>{state}</span>
      {waitsFor !== undefined && <small> for {waitsFor}</small>}
    </>
  );
}

interface EventProps {
  readonly id: string;
  readonly client: string | undefined;
  readonly mayOperate: boolean;
}

/** The life of one event. */
export function EventPage({ id, client, mayOperate }: EventProps) {
  const found = useAsked((signal) => get<Found>('/v1/events', { id, client }, signal), [id, client]);
  const event = found.answer?.events[0];
  const isDead = event?.state === 'dead';
  const letter = useAsked<DeadLetter | undefined>(
    async (signal) =>
      isDead
        ? get<DeadLetter>(`/v1/dead-letters/${encodeURIComponent(id)}`, { client: event.client }, signal)
        : undefined,
    [isDead, event?.endedAt],
  );
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href={linkTo('events')}>Events</a> / <Foreign text={id} />
      </nav>
      <h1>Event</h1>
      <Failure error={found.error ?? letter.error} />
      {found.answer !== undefined && event === undefined && (
        <p>
          {found.answer.complete
            ? 'No event with this id is known; of events that are over no more is kept than the configuration says.'
            : 'It is moving just now: look again in a moment.'}
        </p>
      )}
      {event !== undefined && <Life event={event} />}
      {letter.answer !== undefined && <Content {...{ letter: letter.answer, mayOperate }} />}
      {event !== undefined && !isDead && (
        <p class="quiet">Payload and response are shown of dead letters only.</p>
      )}
      <p class="buttons">
        <button type="button" onClick={found.again}>
          Look again
        </button>
      </p>
    </>
  );
}

function Life({ event }: { event: EventRecord }) {
  const { client, id, type, unit, state, acceptedAt, endedAt, nextAttemptAt, status, by, failedAttempts } =
    event;
  return (
    <>
      <dl class="facts">
        <Fact name="Outcome">
          <EventState event={event} />
        </Fact>
        <Fact name="Endpoint">
          <a href={linkTo('endpoint', [client, type ?? ''])}>
            <Foreign text={client} /> {typeName(type ?? 'unknown')}
          </a>
        </Fact>
        <Fact name="Unit">
          {unit === null ? (
            'not kept'
          ) : (
            <a href={linkTo('events', [], { unit })}>
              <Foreign text={unit} />
            </a>
          )}
        </Fact>
        <Fact name="Id">
          <code>{id}</code>
        </Fact>
      </dl>
      <h2>Its life</h2>
      <ol class="course">
        <li>
          <Time at={acceptedAt} /> accepted
        </li>
        {failedAttempts.map(({ life, attempt, at, class: failureClass, ms, status: answered }) => (
          <li key={`${life} ${attempt}`} class="bad">
            <Time at={at} /> attempt {attempt}
            {life > 0 && ` after replay ${life}`} failed: {failureText(answered, failureClass)}
            <span class="quiet"> {count(Math.round(ms))} ms</span>
          </li>
        ))}
        {state === 'waiting' && (
          <li>waits{event.waitsFor === undefined ? ' for its first attempt' : ` for ${event.waitsFor}`}</li>
        )}
        {nextAttemptAt !== undefined && (
          <li>
            <Time at={nextAttemptAt} /> attempt {event.attempts + 1} is due
          </li>
        )}
        {endedAt !== undefined && (
          <li class={state === 'delivered' ? 'good' : 'bad'}>
            <Time at={endedAt} /> {END_TEXTS[state] ?? state}
            {status !== undefined && `, answered ${status}`}
            {by !== undefined && ` by ${'key' in by ? `key ${by.key}` : `${by.user} at ${by.host}`}`}
          </li>
        )}
      </ol>
    </>
  );
}

const END_TEXTS: Readonly<Record<string, string>> = {
  dead: 'given up on: it is a dead letter',
  delivered: 'delivered',
  discarded: 'discarded',
};

function Content({ letter, mayOperate }: { letter: DeadLetter; mayOperate: boolean }) {
  const { url, response, headers = {}, fieldErrors = [], payload, masked } = letter;
  return (
    <>
      {fieldErrors.length > 0 && (
        <>
          <h2>What the client refused</h2>
          <ul class="failures">
            {fieldErrors.map(({ field, code }) => (
              <li key={`${field} ${code}`}>
                <Foreign text={field} />{' '}
                <b>
                  <Foreign text={code} />
                </b>
              </li>
            ))}
          </ul>
        </>
      )}
      <h2>The last response</h2>
      {url !== undefined && (
        <p>
          POST <Foreign text={url} />
        </p>
      )}
      {Object.entries(headers).map(([name, value]) => (
        <p key={name} class="header">
          {name}: <Foreign text={value} />
        </p>
      ))}
      <SourceText label="The last response" text={response === '' ? '(empty)' : response} />
      <h2>Payload{masked === true && ', personal data masked'}</h2>
      {!mayOperate && <p class="quiet">A key with the scope operate sees all of it.</p>}
      <SourceText label="Payload" text={JSON.stringify(payload, null, 2)} />
    </>
  );
}
