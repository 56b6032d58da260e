import type { Plan, Unavailable, Verb } from './act.ts';
import { duration, plural, typeName } from './format.ts';
import { Foreign, Time } from './ui.tsx';

/** What was done, by what is to be done. */
export const PAST = { replay: 'replayed', discard: 'discarded' } as const;

/** Says what an action would do. */
export function WhatWouldBeDone({ verb, plan, rate }: { verb: Verb; plan: Plan; rate: number | undefined }) {
  const { matching, complete, unavailable = [] } = plan;
  if (matching === 0) return <p>No dead letter matches.</p>;
  return (
    <>
      <p>
        <b>
          {!complete && 'At least '}
          {plural(matching, 'dead letter')}
        </b>{' '}
        would be {PAST[verb]}
        {rate !== undefined && `, in about ${duration(matching / rate)}`}.{' '}
        {verb === 'replay'
          ? 'They go back into delivery, with all their retries again.'
          : 'They are removed for good: nobody can replay them then.'}
      </p>
      {unavailable.map((one) => (
        <p key={`${one.client} ${one.type}`} class="banner">
          <Foreign text={one.client} /> {typeName(one.type)} <UnavailableText one={one} />
        </p>
      ))}
    </>
  );
}

function UnavailableText({ one: { reason, holds, until } }: { one: Unavailable }) {
  if (reason === 'paused') return <>is paused: replayed events wait until it is resumed.</>;
  if (reason === 'retry_after') {
    return (
      <>
        said Retry-After: replayed events wait
        {until !== null && (
          <>
            {' '}
            until <Time at={until} />
          </>
        )}
        , and longer if it says so again.
      </>
    );
  }
  return (
    <>
      {holds
        ? 'is down: replayed events wait until it comes back.'
        : 'is down, and its pace is fixed: replayed events are sent all the same.'}
    </>
  );
}

/** How dead letters are replayed. */
export interface Options {
  /** How many of each endpoint go first; 0: none. */
  readonly canary: number;
  readonly rate: number | undefined;
}

/** What was typed is not valid. */
export const INVALID: Options = { canary: Number.NaN, rate: undefined };
const MOST_CANARIES = 20;

/** Asks how dead letters are to be replayed. */
export function ReplayOptions({
  options,
  setOptions,
}: {
  options: Options;
  setOptions(options: Options): void;
}) {
  const read = (form: HTMLFormElement) => {
    const data = new FormData(form);
    const rate = String(data.get('rate'));
    setOptions(
      form.checkValidity()
        ? { canary: Number(data.get('canary')), rate: rate === '' ? undefined : Number(rate) }
        : INVALID,
    );
  };
  return (
    <form
      class="row"
      onInput={(event) => read(event.currentTarget)}
      onSubmit={(event) => event.preventDefault()}
    >
      <label>
        Canaries of each endpoint
        <input
          name="canary"
          type="number"
          min={0}
          max={MOST_CANARIES}
          step={1}
          defaultValue="0"
          required
          aria-describedby="canary-help"
        />
      </label>
      <label>
        At most, events per second
        <input
          name="rate"
          type="number"
          min={0.01}
          max={100_000}
          step="any"
          placeholder="as fast as it goes"
        />
      </label>
      <small id="canary-help">
        Canaries go first, and the others only once these are delivered.
        {options === INVALID && ` From 0 to ${MOST_CANARIES} canaries; a rate above 0.`}
      </small>
    </form>
  );
}
