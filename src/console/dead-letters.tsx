import { useState } from 'preact/hooks';
import { get } from './api.ts';
import { FilterForm, type Filters } from './filters.tsx';
import { count, failureText, plural, typeName } from './format.ts';
import { Letters } from './letters.tsx';
import type { LiveState } from './live.ts';
import { linkTo } from './route.ts';
import { type Column, Table } from './table.tsx';
import { Failure, Foreign, Time, useAsked } from './ui.tsx';

interface Group {
  readonly client: string;
  readonly type: string;
  readonly class: string;
  readonly status: number | null;
  readonly field: string | null;
  readonly code: string | null;
  readonly count: number;
  readonly oldest: string;
  readonly newest: string;
}

/** The API gives no more. */
const MOST_GROUPS = 100;

interface Groups {
  readonly groups: readonly Group[];
  readonly total: number;
  readonly complete: boolean;
}

interface DeadLettersProps {
  readonly query: Filters;
  readonly live: LiveState;
  readonly mayOperate: boolean;
}

/** Dead letters: what they died of, and one by one. */
export function DeadLettersPage({ query, live, mayOperate }: DeadLettersProps) {
  const name = JSON.stringify(query);
  const [turn, setTurn] = useState(0);
  const groups = useAsked((signal) => get<Groups>('/v1/dead-letters/groups', query, signal), [name, turn]);
  const apply = (filters: Filters) => {
    location.hash = linkTo('dead-letters', [], filters);
  };
  const total = groups.answer?.total;
  return (
    <>
      <h1>
        {groups.answer === undefined
          ? 'Dead letters'
          : `${groups.answer.complete ? '' : 'More than '}${plural(groups.answer.total, 'dead letter')}`}
      </h1>
      <FilterForm {...{ filters: query, live, apply }} />
      <Failure error={groups.error} />
      {groups.answer !== undefined && total !== 0 && (
        <GroupTable groups={groups.answer.groups} query={query} />
      )}
      <Letters
        key={`${name} ${turn}`}
        {...{ query, mayOperate, total }}
        onChanged={() => setTurn(turn + 1)}
      />
    </>
  );
}

function GroupTable({ groups, query }: { groups: readonly Group[]; query: Filters }) {
  const narrower = ({ client, type, status, class: failureClass }: Group) =>
    linkTo('dead-letters', [], {
      ...query,
      client,
      type,
      status: status === null ? failureClass : String(status),
    });
  const columns: readonly Column<Group>[] = [
    {
      title: 'Last attempt',
      kind: 'head',
      cell: (group) => <a href={narrower(group)}>{failureText(group.status, group.class)}</a>,
    },
    { title: 'Endpoint', cell: endpointCell },
    {
      title: 'Refused field',
      cell: ({ field, code }) =>
        field !== null && (
          <>
            <Foreign text={field} />{' '}
            <span class="quiet">
              <Foreign text={code} />
            </span>
          </>
        ),
    },
    { title: 'Dead letters', kind: 'number', cell: (group) => count(group.count) },
    { title: 'Oldest', cell: ({ oldest }) => <Time at={oldest} /> },
    { title: 'Newest', cell: ({ newest }) => <Time at={newest} /> },
  ];
  const keyOf = ({ client, type, status, class: failureClass, field, code }: Group) =>
    JSON.stringify([client, type, status, failureClass, field, code]);
  const caption =
    groups.length < MOST_GROUPS
      ? 'What they died of'
      : `What they died of: the ${MOST_GROUPS} largest groups`;
  return <Table caption={caption} rows={groups} {...{ columns, keyOf }} />;
}

function endpointCell({ client, type }: { client: string; type: string }) {
  return (
    <>
      <Foreign text={client} /> <span class="quiet">{typeName(type)}</span>
    </>
  );
}
