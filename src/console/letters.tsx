import { useEffect, useState } from 'preact/hooks';
import type { z } from 'zod';
import type { deadLetterSchema } from '../api/schemas.ts';
import { csvLine } from '../core/csv.ts';
import type { Target, Verb } from './act.ts';
import { ActDialog } from './act-dialog.tsx';
import { get } from './api.ts';
import type { Filters } from './filters.tsx';
import { count, failureText, typeName } from './format.ts';
import { linkTo } from './route.ts';
import { type Column, Table } from './table.tsx';
import { Failure, Foreign, PAGE_ROWS, Pager, saveFile, Time, useAsked } from './ui.tsx';

type Letter = z.infer<typeof deadLetterSchema>;

interface Page {
  readonly deadLetters: readonly Letter[];
  readonly next: string | null;
}

const COLUMNS: readonly Column<Letter>[] = [
  {
    title: 'Died',
    kind: 'head',
    cell: ({ client, id, diedAt }) => (
      <a href={linkTo('event', [id], { client })}>
        <Time at={diedAt} />
      </a>
    ),
  },
  {
    title: 'Endpoint',
    cell: ({ client, type }) => (
      <>
        <Foreign text={client} /> <span class="quiet">{typeName(type)}</span>
      </>
    ),
  },
  { title: 'Unit', cell: ({ unit }) => <Foreign text={unit} /> },
  { title: 'Last attempt', cell: ({ status, class: failureClass }) => failureText(status, failureClass) },
  { title: 'Attempts', kind: 'number', cell: ({ attempts }) => count(attempts) },
  { title: 'Replays', kind: 'number', cell: ({ replays }) => count(replays) },
];

interface LettersProps {
  readonly query: Filters;
  readonly mayOperate: boolean;
  /** Undefined: they are not counted yet. */
  readonly total: number | undefined;
  onChanged(): void;
}

/** The dead letters that filters match, page by page: to select, to act on and to save. */
export function Letters({ query, mayOperate, total, onChanged }: LettersProps) {
  const [cursors, setCursors] = useState<readonly (string | undefined)[]>([undefined]);
  const [selected, setSelected] = useState<ReadonlyMap<string, Letter>>(new Map());
  const [asking, setAsking] = useState<{ verb: Verb; target: Target }>();
  const cursor = cursors.at(-1);
  const { answer, error } = useAsked(
    (signal) => get<Page>('/v1/dead-letters', { ...query, cursor, limit: PAGE_ROWS }, signal),
    [cursor],
  );
  const letters = answer?.deadLetters ?? [];
  useEffect(() => {
    // A page may be empty with more behind it.
    if (answer !== undefined && letters.length === 0 && answer.next !== null)
      setCursors([...cursors.slice(0, -1), answer.next]);
  }, [answer]);
  const toggle = (letter: Letter) => {
    const next = new Map(selected);
    if (!next.delete(letter.id)) next.set(letter.id, letter);
    setSelected(next);
  };
  const isAll = letters.length > 0 && letters.every(({ id }) => selected.has(id));
  const toggleAll = () => {
    const rest = [...selected].filter(([id]) => !letters.some((letter) => letter.id === id));
    setSelected(new Map(isAll ? rest : [...rest, ...letters.map((letter) => [letter.id, letter] as const)]));
  };
  const selecting: Column<Letter> = {
    title: 'Select',
    kind: 'check',
    cell: (letter) => (
      <input
        type="checkbox"
        aria-label={`Select the event about unit ${letter.unit}`}
        checked={selected.has(letter.id)}
        onChange={() => toggle(letter)}
      />
    ),
  };
  const columns = mayOperate ? [selecting, ...COLUMNS] : COLUMNS;
  const offer = (verb: Verb, target: Target) => () => setAsking({ verb, target });
  const chosen = { letters: [...selected.values()] };
  const from = (cursors.length - 1) * PAGE_ROWS;
  if (answer === undefined)
    return error === undefined ? <p class="quiet">Reading…</p> : <Failure error={error} />;
  if (letters.length === 0 && answer.next === null && from === 0) {
    return <p class="quiet">No dead letter matches.</p>;
  }
  const all = total === undefined ? 'all' : `all ${count(total)}`;
  return (
    <>
      <Failure error={error} />
      <div class="buttons">
        {mayOperate && selected.size > 0 && (
          <>
            <button type="button" class="primary" onClick={offer('replay', chosen)}>
              Replay {count(selected.size)} selected…
            </button>
            <button type="button" class="danger" onClick={offer('discard', chosen)}>
              Discard {count(selected.size)} selected…
            </button>
          </>
        )}
        {mayOperate && selected.size === 0 && (
          <>
            <button type="button" onClick={offer('replay', { filters: query })}>
              Replay {all}…
            </button>
            <button type="button" onClick={offer('discard', { filters: query })}>
              Discard {all}…
            </button>
          </>
        )}
        {mayOperate && (
          <label class="check">
            <input type="checkbox" checked={isAll} onChange={toggleAll} /> all of this page
          </label>
        )}
        <Export query={query} />
      </div>
      {letters.length === 0 && (
        <p class="quiet">{answer.next === null ? 'There are no more.' : 'Reading…'}</p>
      )}
      <Table rows={letters} columns={columns} keyOf={({ client, id }) => `${client} ${id}`} />
      <Pager
        {...{ from, shown: letters.length, total: undefined, hasNext: answer.next !== null }}
        go={(step) => setCursors(step < 0 ? cursors.slice(0, -1) : [...cursors, answer.next ?? undefined])}
      />
      {asking !== undefined && (
        <ActDialog
          {...asking}
          onClose={(isChanged) => {
            setAsking(undefined);
            if (isChanged) onChanged();
          }}
        />
      )}
    </>
  );
}

const MOST_EXPORTED = 100_000;
const EXPORT_ROWS = 500;
const CSV_COLUMNS = [
  'client',
  'id',
  'type',
  'unit',
  'attempts',
  'status',
  'class',
  'diedAt',
  'replays',
] as const;

function lineOf(letter: Letter): string {
  return csvLine(CSV_COLUMNS.map((name) => String(letter[name] ?? '')));
}

/** Saves what the list has, all pages of it. */
function Export({ query }: { query: Filters }) {
  const [read, setRead] = useState<number>();
  const [error, setError] = useState<Error>();
  const save = async () => {
    const lines = [csvLine(CSV_COLUMNS)];
    let cursor: string | null | undefined;
    while (cursor !== null && lines.length <= MOST_EXPORTED) {
      const page: Page = await get<Page>('/v1/dead-letters', { ...query, limit: EXPORT_ROWS, cursor });
      lines.push(...page.deadLetters.map(lineOf));
      cursor = page.next;
      setRead(lines.length - 1);
    }
    saveFile('dead-letters.csv', 'text/csv', lines.join(''));
    if (cursor === null) return;
    throw new Error(`The file has the first ${count(lines.length - 1)}: narrower filters give the others.`);
  };
  const begin = () => {
    setError(undefined);
    setRead(0);
    save().then(
      () => setRead(undefined),
      (reason: Error) => {
        setRead(undefined);
        setError(reason);
      },
    );
  };
  return (
    <>
      <button type="button" disabled={read !== undefined} onClick={begin}>
        {read === undefined ? 'Save as CSV' : `${count(read)} read…`}
      </button>
      <Failure error={error} />
    </>
  );
}
