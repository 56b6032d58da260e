import { get } from './api.ts';
import { type EventRecord, EventState, type Found } from './event.tsx';
import { Choice, FilterForm, type Filters } from './filters.tsx';
import { count, failureText, plural, typeName } from './format.ts';
import type { LiveState } from './live.ts';
import { linkTo } from './route.ts';
import { type Column, Table } from './table.tsx';
import { Failure, Foreign, PAGE_ROWS, Time, useAsked } from './ui.tsx';

const OUTCOMES = ['waiting', 'retrying', 'dead', 'delivered', 'discarded', 'failed', 'died'];

/** Events by unit, id, time, outcome and status. */
export function EventsPage({ query, live }: { query: Filters; live: LiveState }) {
  const isAsked = Object.keys(query).length > 0;
  const { answer, error, isAsking } = useAsked<Found | undefined>(
    async (signal) =>
      isAsked ? get<Found>('/v1/events', { ...query, limit: PAGE_ROWS }, signal) : undefined,
    [JSON.stringify(query)],
  );
  const apply = (filters: Filters) => {
    location.hash = linkTo('events', [], filters);
  };
  return (
    <>
      <h1>Events</h1>
      <FilterForm {...{ filters: query, live, apply }}>
        <Choice name="outcome" label="Outcome" filters={query} choices={OUTCOMES} />
      </FilterForm>
      <Failure error={error} />
      <p role="status" class="quiet">
        {isAsked
          ? isAsking
            ? 'Searching…'
            : answer && foundText(answer)
          : 'Name a unit, an id, a time or anything else that narrows it down.'}
      </p>
      {isAsked && answer !== undefined && answer.events.length > 0 && (
        <Table rows={answer.events} columns={COLUMNS} keyOf={({ client, id }) => `${client} ${id}`} />
      )}
    </>
  );
}

function foundText({ events, found, complete }: Found): string {
  const shown = found > events.length ? `; the latest ${count(events.length)} are shown` : '';
  const missed =
    complete || found > events.length ? '' : '; not all could be looked through, so there may be more';
  return found === 0 ? `No event matches${missed}.` : `${plural(found, 'event')}${shown}${missed}.`;
}

const COLUMNS: readonly Column<EventRecord>[] = [
  {
    title: 'Accepted',
    kind: 'head',
    cell: ({ id, client, acceptedAt }) => (
      <a href={linkTo('event', [id], { client })}>
        <Time at={acceptedAt} />
      </a>
    ),
  },
  {
    title: 'Endpoint',
    cell: ({ client, type }) => (
      <>
        <Foreign text={client} /> <span class="quiet">{typeName(type ?? 'unknown')}</span>
      </>
    ),
  },
  {
    title: 'Unit',
    cell: ({ unit, probably }) => (
      <>
        <Foreign text={unit} />
        {probably === true && <small>probably</small>}
      </>
    ),
  },
  { title: 'Outcome', cell: (event) => <EventState event={event} /> },
  {
    title: 'Attempts',
    kind: 'number',
    cell: ({ state, attempts }) => (state === 'waiting' ? '' : count(attempts)),
  },
  {
    title: 'Last failure',
    cell: ({ failedAttempts }) => {
      const last = failedAttempts.at(-1);
      return last === undefined ? '' : failureText(last.status, last.class);
    },
  },
  { title: 'Over', cell: ({ endedAt }) => (endedAt === undefined ? '' : <Time at={endedAt} />) },
];
