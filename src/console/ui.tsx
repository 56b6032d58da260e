import type { ComponentChildren } from 'preact';
import { useEffect, useRef, useState } from 'preact/hooks';
import { ago, clock, count, utc, visible } from './format.ts';

/** A moment: the time of day here, how long ago that is, and UTC in its title. */
export function Time({ at, isAgo = false }: { at: string; isAgo?: boolean }) {
  return (
    <time dateTime={at} title={`${new Date(at).toLocaleString()} here, ${utc(at)}`}>
      {isAgo ? ago(at) : clock(at)}
    </time>
  );
}

/** The state of an endpoint, as a word: the colour only repeats it. */
export function State({ state }: { state: string }) {
  return <span class={`state state-${state}`}>{state}</span>;
}

/** A text that is not ours, as a text: whatever stands in it neither hides nor turns what is around it. */
export function Foreign({ text }: { text: string | null | undefined }) {
  return <bdi>{visible(text ?? '')}</bdi>;
}

/** One of the facts of a list (`<dl class="facts">`). */
export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

/** Says what went wrong, to screen readers at once. */
export function Failure({ error }: { error: Error | undefined }) {
  if (error === undefined) return null;
  return (
    <p class="failure" role="alert">
      {error.message}
    </p>
  );
}

/** What an asynchronous question came to so far. */
export interface Asked<Answer> {
  readonly answer: Answer | undefined;
  readonly error: Error | undefined;
  readonly isAsking: boolean;
  /** Asks again. */
  again(): void;
}

/** Asks when the page is shown and when `on` changes; the earlier answer stays until the next one. */
export function useAsked<Answer>(
  ask: (signal: AbortSignal) => Promise<Answer>,
  on: readonly unknown[],
): Asked<Answer> {
  const [state, setState] = useState<Omit<Asked<Answer>, 'again'>>({
    answer: undefined,
    error: undefined,
    isAsking: true,
  });
  const [turn, setTurn] = useState(0);
  useEffect(() => {
    const abort = new AbortController();
    setState((before) => ({ ...before, isAsking: true }));
    ask(abort.signal).then(
      (answer) => abort.signal.aborted || setState({ answer, error: undefined, isAsking: false }),
      (error: Error) => abort.signal.aborted || setState((before) => ({ ...before, error, isAsking: false })),
    );
    return () => abort.abort();
  }, [...on, turn]);
  return { ...state, again: () => setTurn((before) => before + 1) };
}

/** Calls an action every so often while the page is shown. */
export function useEvery(ms: number, action: () => void): void {
  const latest = useRef(action);
  latest.current = action;
  useEffect(() => {
    const timer = setInterval(() => latest.current(), ms);
    return () => clearInterval(timer);
  }, [ms]);
}

interface DialogProps {
  readonly title: string;
  readonly children: ComponentChildren;
  /** Escape does not close it. */
  readonly isHeld?: boolean;
  onClose(): void;
}

/** A dialog above the page; Escape closes it. */
export function Dialog({ title, children, isHeld = false, onClose }: DialogProps) {
  const dialog = useRef<HTMLDialogElement>(null);
  useEffect(() => {
    dialog.current?.showModal();
  }, []);
  return (
    <dialog
      ref={dialog}
      aria-label={title}
      onCancel={(event) => isHeld && event.preventDefault()}
      onClose={onClose}
    >
      <h2>{title}</h2>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  readonly title: string;
  readonly verb: string;
  readonly children: ComponentChildren;
  /** What is done; the dialog closes if that succeeds. */
  act(): Promise<unknown>;
  onClose(): void;
}

/** Says what will be done, and does it once that is confirmed. */
export function Confirm({ title, verb, children, act, onClose }: ConfirmProps) {
  const [error, setError] = useState<Error>();
  const [isActing, setActing] = useState(false);
  const confirm = () => {
    setActing(true);
    act().then(onClose, (failure: Error) => {
      setError(failure);
      setActing(false);
    });
  };
  return (
    <Dialog title={title} onClose={onClose}>
      {children}
      <Failure error={error} />
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="primary" disabled={isActing} onClick={confirm}>
          {verb}
        </button>
      </div>
    </Dialog>
  );
}

/** Delivered per second over the last minutes, as a line without axes; its last value stands beside it. */
export function Sparkline({ values }: { values: readonly number[] }) {
  const [width, height] = [90, 18];
  const most = Math.max(...values, 1e-9);
  const step = width / Math.max(1, values.length - 1);
  const points = values.map(
    (value, i) => `${(i * step).toFixed(1)},${(height - 1 - (value / most) * (height - 2)).toFixed(1)}`,
  );
  return (
    <svg class="spark" viewBox={`0 0 ${width} ${height}`} width={width} height={height} aria-hidden="true">
      {values.length > 1 && <polyline points={points.join(' ')} />}
    </svg>
  );
}

/** How many rows of a list stand in the document. */
export const PAGE_ROWS = 100;

interface PagerProps {
  readonly from: number;
  readonly shown: number;
  readonly total: number | undefined;
  readonly hasNext: boolean;
  go(step: -1 | 1): void;
}

/** Turns the pages of a list. */
export function Pager({ from, shown, total, hasNext, go }: PagerProps) {
  if (from === 0 && !hasNext) return null;
  const of = total === undefined ? '' : ` of ${count(total)}`;
  return (
    <nav class="pager" aria-label="Pages of the list">
      <button type="button" disabled={from === 0} onClick={() => go(-1)}>
        Previous
      </button>
      <span>{shown > 0 && `${count(from + 1)} to ${count(from + shown)}${of}`}</span>
      <button type="button" disabled={!hasNext} onClick={() => go(1)}>
        Next
      </button>
    </nav>
  );
}

/** Has the browser save a text as a file. */
export function saveFile(name: string, type: string, text: string): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(new Blob([text], { type }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}

const MOST_SHOWN = 200_000;
const MOST_ROWS = 24;

/** A text of others, to read and to copy: never markup, whatever stands in it. */
export function SourceText({ label, text }: { label: string; text: string }) {
  const shown = visible(text.slice(0, MOST_SHOWN));
  const rows = Math.min(MOST_ROWS, shown.split('\n').length + Math.ceil(shown.length / 400));
  return (
    <>
      <textarea class="source" aria-label={label} readOnly spellcheck={false} rows={rows} value={shown} />
      {text.length > MOST_SHOWN && <p class="quiet">The first {count(MOST_SHOWN)} characters.</p>}
    </>
  );
}
