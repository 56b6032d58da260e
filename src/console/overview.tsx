import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { LiveRow } from '../api/live-row.ts';
import { count, duration, rate, typeName } from './format.ts';
import type { LiveState } from './live.ts';
import { linkTo } from './route.ts';
import { type Column, Table } from './table.tsx';
import { adviceOf, byTrouble, headlineOf, reasonOf, stateOf } from './trouble.ts';
import { PAGE_ROWS, Pager, Sparkline, State, Time } from './ui.tsx';

/** All endpoints, the worst first. */
export function Overview({ live, query }: { live: LiveState; query: Readonly<Record<string, string>> }) {
  const [filter, setText] = useState(query['filter'] ?? '');
  const setFilter = (text: string) => {
    setText(text);
    // So that it is there again after going back, and can be shared.
    history.replaceState(null, '', linkTo('overview', [], { filter: text }));
  };
  const [from, setFrom] = useState(0);
  const input = useRef<HTMLInputElement>(null);
  const all = useMemo(() => [...live.rows.values()].sort(byTrouble), [live.rows]);
  const words = filter.toLowerCase().split(/\s+/).filter(Boolean);
  const matching = all.filter((row) => {
    const text = `${row.client} ${row.type} ${typeName(row.type)} ${stateOf(row)}`.toLowerCase();
    return words.every((word) => text.includes(word));
  });
  useEffect(() => setFrom(0), [filter]);
  useEffect(() => {
    const focus = (event: KeyboardEvent) => {
      const isTyping =
        event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement;
      if (event.key !== '/' || isTyping) return;
      event.preventDefault();
      input.current?.focus();
    };
    addEventListener('keydown', focus);
    return () => removeEventListener('keydown', focus);
  }, []);
  if (live.at === undefined) return <p class="quiet">Reading…</p>;
  const headline = headlineOf(all, live.services);
  const shown = matching.slice(from, from + PAGE_ROWS);
  return (
    <>
      <h1 class={all.some((row) => stateOf(row) === 'down') ? 'headline bad' : 'headline'}>{headline}</h1>
      {live.unread.length > 0 && (
        <p class="banner bad" role="alert">
          A server of the Redis Cluster is away: what is shown of {namesOf(live.unread)} is old.
        </p>
      )}
      <div class="row">
        <label class="filter">
          Filter
          <input
            ref={input}
            type="search"
            placeholder="client, type or state (/)"
            value={filter}
            onInput={(event) => setFilter(event.currentTarget.value)}
          />
        </label>
        <States rows={all} {...{ filter, setFilter }} />
      </div>
      {matching.length === 0 && <p class="quiet">No endpoint matches.</p>}
      {matching.length > 0 && (
        <Table rows={shown} columns={COLUMNS} keyOf={({ client, type }) => `${client} ${type}`} />
      )}
      <Pager
        {...{
          from,
          shown: shown.length,
          total: matching.length,
          hasNext: from + PAGE_ROWS < matching.length,
        }}
        go={(step) => setFrom(from + step * PAGE_ROWS)}
      />
    </>
  );
}

/** How many endpoints are in each state; a click shows them alone, and another one all again. */
function States({
  rows,
  filter,
  setFilter,
}: {
  rows: readonly LiveRow[];
  filter: string;
  setFilter(text: string): void;
}) {
  const counts = new Map<string, number>();
  // The worst come first in rows, and so here.
  for (const state of rows.map(stateOf)) counts.set(state, (counts.get(state) ?? 0) + 1);
  return (
    <fieldset class="states" aria-label="Endpoints by state">
      {[...counts].map(([state, found]) => (
        <button
          key={state}
          type="button"
          aria-pressed={filter === state}
          onClick={() => setFilter(filter === state ? '' : state)}
        >
          <State state={state} /> {count(found)}
        </button>
      ))}
    </fieldset>
  );
}

const COLUMNS: readonly Column<LiveRow>[] = [
  {
    title: 'Endpoint',
    kind: 'head',
    cell: ({ client, type }) => (
      <a href={linkTo('endpoint', [client, type])}>
        <b>{client}</b> <span class="quiet">{typeName(type)}</span>
      </a>
    ),
  },
  { title: 'State', cell: stateCell },
  {
    title: 'Delivered/s',
    kind: 'number',
    cell: ({ spark, deliveredPerSecond }) => (
      <>
        <Sparkline values={spark} /> {rate(deliveredPerSecond)}
      </>
    ),
  },
  { title: 'Waiting', kind: 'number', cell: waitingCell },
  { title: 'Retrying', kind: 'number', cell: ({ retrying }) => count(retrying) },
  {
    title: 'Dead',
    kind: 'number',
    cell: ({ client, type, dead }) =>
      dead === 0 ? '0' : <a href={linkTo('dead-letters', [], { client, type })}>{count(dead)}</a>,
  },
  {
    title: 'Last error, and what to do',
    kind: 'reason',
    cell: reasonCell,
  },
];

function stateCell(row: LiveRow) {
  const state = stateOf(row);
  const since = { paused: row.paused, waits: row.withheld?.since ?? null, ok: null, incident: null }[state];
  const at = since === undefined ? row.since : since;
  return (
    <>
      <State state={state} />
      {row.incident && state !== 'incident' && <span class="tag">incident</span>}
      {at !== null && (
        <small>
          since <Time at={at} />
        </small>
      )}
    </>
  );
}

function waitingCell({ waiting, oldestSeconds, drainSeconds }: LiveRow) {
  const drain = drainSeconds === null || drainSeconds === 0 ? '' : `, ${duration(drainSeconds)} to drain`;
  return (
    <>
      {count(waiting)}
      {waiting > 0 && (
        <small title="for how long the oldest has waited, and how long they take at the present rate">
          oldest {duration(oldestSeconds)}
          {drain}
        </small>
      )}
    </>
  );
}

function reasonCell(row: LiveRow) {
  const { lastError } = row;
  const isOver = stateOf(row) === 'ok' && row.dead === 0;
  const advice = adviceOf(row);
  if (reasonOf(row) === '' && advice === undefined) return null;
  return (
    <>
      <bdi class={isOver ? 'quiet' : undefined} title={reasonOf(row)}>
        {lastError !== null && row.withheld === null && (
          <small class="at">
            <Time at={lastError.at} />
          </small>
        )}
        {reasonOf(row)}
      </bdi>
      {advice !== undefined && <small>{advice.brief}</small>}
    </>
  );
}

const MOST_NAMED = 5;

function namesOf(clients: readonly string[]): string {
  const more = clients.length - MOST_NAMED;
  return `${clients.slice(0, MOST_NAMED).join(', ')}${more > 0 ? ` and ${count(more)} more` : ''}`;
}
