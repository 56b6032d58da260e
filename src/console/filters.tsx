import type { ComponentChildren } from 'preact';
import { typeName } from './format.ts';
import type { LiveState } from './live.ts';

/** What a form of filters holds, by the names that the API has for them; times are ISO 8601. */
export type Filters = Readonly<Record<string, string>>;

interface FiltersProps {
  readonly filters: Filters;
  readonly live: LiveState;
  readonly children?: ComponentChildren;
  apply(filters: Filters): void;
}

/** The filters that all searches have, with those of one as `children`. Nothing is asked until it is submitted. */
export function FilterForm({ filters, live, apply, children }: FiltersProps) {
  const submit = (event: SubmitEvent) => {
    event.preventDefault();
    const given = [...new FormData(event.currentTarget as HTMLFormElement)].flatMap(([name, value]) => {
      const text = String(value).trim();
      if (text === '') return [];
      const at = new Date(text);
      // What is no time is the service's to refuse.
      const isTime = TIMES.has(name) && !Number.isNaN(at.getTime());
      return [[name, isTime ? at.toISOString() : text]];
    });
    apply(Object.fromEntries(given));
  };
  const types = [...new Set([...live.rows.values()].map(({ type }) => type))].sort();
  const clients = [...new Set([...live.rows.values()].map(({ client }) => client))].sort();
  const key = JSON.stringify(filters);
  return (
    <search>
      <form class="filters" key={key} onSubmit={submit}>
        <Field name="client" label="Client" {...{ filters }} list="clients" />
        <datalist id="clients">
          {clients.slice(0, MOST_OFFERED).map((name) => (
            <option key={name} value={name} />
          ))}
        </datalist>
        <Choice name="type" label="Event type" {...{ filters }} choices={types} />
        <Field name="unit" label="Unit" {...{ filters }} />
        <Field name="id" label="Event id" {...{ filters }} />
        <Field name="status" label="Status" {...{ filters }} placeholder="422, 5xx, timeout" />
        {children}
        <Field name="since" label="From" {...{ filters }} type="datetime-local" />
        <Field name="until" label="Until" {...{ filters }} type="datetime-local" />
        <div class="buttons">
          <button type="submit" class="primary">
            Search
          </button>
          {PERIODS.map(([text, hours]) => (
            <button key={text} type="button" onClick={() => apply(lastHours(filters, hours))}>
              {text}
            </button>
          ))}
          <button type="reset" onClick={() => apply({})}>
            Clear
          </button>
        </div>
      </form>
    </search>
  );
}

const PERIODS = [
  ['Last hour', 1],
  ['Last 24 h', 24],
] as const;

function lastHours({ until: _, ...filters }: Filters, hours: number): Filters {
  return { ...filters, since: new Date(Date.now() - hours * 3_600_000).toISOString() };
}

const TIMES: ReadonlySet<string> = new Set(['since', 'until']);
/** Names in the list that is offered while somebody types. */
const MOST_OFFERED = 200;

interface FieldProps {
  readonly name: string;
  readonly label: string;
  readonly filters: Filters;
  readonly type?: 'text' | 'datetime-local';
  readonly list?: string;
  readonly placeholder?: string;
}

function Field({ name, label, filters, type = 'text', list, placeholder }: FieldProps) {
  const value = filters[name] ?? '';
  return (
    <label for={`filter-${name}`}>
      {label}
      <input
        id={`filter-${name}`}
        {...{ name, list, placeholder }}
        {...(type === 'text' ? { type, spellcheck: false, autoComplete: 'off' } : { type, step: 1 })}
        defaultValue={TIMES.has(name) ? toLocal(value) : value}
      />
    </label>
  );
}

interface ChoiceProps {
  readonly name: string;
  readonly label: string;
  readonly filters: Filters;
  readonly choices: readonly string[];
}

/** One of some, or any. */
export function Choice({ name, label, filters, choices }: ChoiceProps) {
  return (
    <label>
      {label}
      <select name={name} defaultValue={filters[name] ?? ''}>
        <option value="">any</option>
        {choices.map((choice) => (
          <option key={choice} value={choice} selected={filters[name] === choice}>
            {typeName(choice)}
          </option>
        ))}
      </select>
    </label>
  );
}

/** A moment as such an input wants it: the time here, without a zone. */
function toLocal(text: string): string {
  if (!text.endsWith('Z')) return text;
  const at = new Date(text);
  if (Number.isNaN(at.getTime())) return '';
  return new Date(at.getTime() - at.getTimezoneOffset() * 60_000).toISOString().slice(0, 19);
}
