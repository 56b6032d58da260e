import { useEffect, useMemo, useState } from 'preact/hooks';
import {
  type Canaries,
  carryOut,
  chooseCanaries,
  newOperation,
  planOf,
  type Target,
  tryCanaries,
  type Verb,
} from './act.ts';
import { INVALID, type Options, PAST, ReplayOptions, WhatWouldBeDone } from './act-plan.tsx';
import { count, plural } from './format.ts';
import { Dialog, Failure, useAsked } from './ui.tsx';

interface ActProps {
  readonly verb: Verb;
  readonly target: Target;
  /** @param isChanged something was done */
  onClose(isChanged: boolean): void;
}

/** How far it is: asked about, trying canaries, asking for the rest, at work, ended. */
type Phase = 'plan' | 'canaries' | 'ask' | 'work' | 'over';

/** An action under way. */
function useAction({ verb, target: given }: Pick<ActProps, 'verb' | 'target'>) {
  const operation = useMemo(newOperation, []);
  const abort = useMemo(() => new AbortController(), []);
  const plan = useAsked(() => planOf(verb, given), []);
  const [phase, setPhase] = useState<Phase>('plan');
  const [canaries, setCanaries] = useState<Canaries>();
  const [options, setOptions] = useState<Options>({ canary: 0, rate: undefined });
  const [done, setDone] = useState(0);
  const [error, setError] = useState<Error>();
  /** The letters that were acted on by their ids: if they die again, they are not acted on again. */
  const [acted] = useState(() => new Set<string>());
  useEffect(() => () => abort.abort(), []);
  const add = (more: number, ids: readonly string[] = []) => {
    setDone((before) => before + more);
    for (const id of ids) acted.add(id);
  };
  const rest = (): Target => {
    const target = plan.answer?.target ?? given;
    return 'filters' in target ? target : { letters: target.letters.filter(({ id }) => !acted.has(id)) };
  };
  const workOn = async () => {
    setPhase('work');
    const { matching = 0, complete = false } = plan.answer ?? {};
    const steps = { operation, rate: options.rate, signal: abort.signal };
    // The canaries are among them.
    await carryOut(verb, rest(), complete ? { ...steps, most: matching - acted.size } : steps, add);
    setPhase('over');
  };
  const start = async () => {
    if (options.canary === 0) return workOn();
    setPhase('canaries');
    const chosen = await chooseCanaries(rest(), options.canary);
    const tried = await tryCanaries(chosen, operation, abort.signal, setCanaries, add);
    if (abort.signal.aborted || tried.replayed >= (plan.answer?.matching ?? 0)) return setPhase('over');
    return tried.delivered < tried.replayed || tried.replayed === 0 ? setPhase('ask') : workOn();
  };
  const guarded = (work: () => Promise<void>) => () => {
    setError(undefined);
    work().catch((reason: Error) => {
      setError(reason);
      // What is not known to be well is asked about.
      setPhase((before) => (before === 'canaries' ? 'ask' : 'over'));
    });
  };
  const stop = () => {
    abort.abort();
    setPhase('over');
  };
  const failed = plan.error ?? error;
  const isStopped = abort.signal.aborted;
  const act = { start: guarded(start), workOn: guarded(workOn), stop };
  return { plan: plan.answer, phase, canaries, options, setOptions, done, error: failed, isStopped, ...act };
}

/** Says what would be done, asks, does it, and tells how far it is. */
export function ActDialog({ verb, target, onClose }: ActProps) {
  const action = useAction({ verb, target });
  const { plan, phase, canaries, options, setOptions, done, error } = action;
  const matching = plan?.matching ?? 0;
  const isActing = phase === 'work' || phase === 'canaries';
  useWarning(isActing);
  const title = verb === 'replay' ? 'Replay dead letters' : 'Discard dead letters';
  return (
    <Dialog title={title} isHeld={isActing} onClose={() => onClose(done > 0)}>
      <Failure error={error} />
      {plan === undefined && error === undefined && <p class="quiet">Counting…</p>}
      {plan !== undefined && phase === 'plan' && <WhatWouldBeDone {...{ verb, plan }} rate={options.rate} />}
      {verb === 'replay' && matching > 0 && phase === 'plan' && (
        <ReplayOptions {...{ options, setOptions }} />
      )}
      {canaries !== undefined && <p role="status">{canaryText(canaries)}</p>}
      {phase === 'ask' && <p>Not every canary was delivered. Replay the others all the same?</p>}
      {(phase === 'work' || phase === 'over') && plan !== undefined && (
        <p role="status">
          <progress max={Math.max(matching, done, 1)} value={done} aria-label="Progress" /> {count(done)} of{' '}
          {count(matching)} {PAST[verb]}
          {phase === 'over' &&
            done < matching &&
            error === undefined &&
            '; stopped, or some were gone already'}
        </p>
      )}
      <ActButtons {...{ verb, action }} close={() => onClose(done > 0)} />
    </Dialog>
  );
}

interface ActButtonsProps {
  readonly verb: Verb;
  readonly action: ReturnType<typeof useAction>;
  close(): void;
}

function ActButtons({ verb, action, close }: ActButtonsProps) {
  const { plan, phase, options, error, isStopped, start, workOn, stop } = action;
  if (phase === 'canaries' || phase === 'work') {
    return (
      <div class="buttons">
        <button type="button" onClick={stop}>
          Stop
        </button>
      </div>
    );
  }
  const offers = {
    plan: { no: 'Cancel', yes: verb === 'replay' ? 'Replay' : 'Discard for good', act: start },
    ask: { no: 'Leave them', yes: 'Replay the others', act: workOn },
    over: { no: 'Close', yes: 'Go on', act: workOn },
  };
  const { no, yes, act } = offers[phase];
  const isOffered = phase === 'over' ? error !== undefined && !isStopped : (plan?.matching ?? 0) > 0;
  return (
    <div class="buttons">
      <button type="button" onClick={close}>
        {no}
      </button>
      {isOffered && (
        <button
          type="button"
          class={verb === 'discard' ? 'danger' : 'primary'}
          disabled={options === INVALID}
          onClick={act}
        >
          {yes}
        </button>
      )}
    </div>
  );
}

/** Has the browser ask before the page is left while it acts. */
function useWarning(isActing: boolean): void {
  useEffect(() => {
    if (!isActing) return;
    const warn = (event: BeforeUnloadEvent) => event.preventDefault();
    addEventListener('beforeunload', warn);
    return () => removeEventListener('beforeunload', warn);
  }, [isActing]);
}

function canaryText({ replayed, delivered, failed }: Canaries): string {
  const untried = replayed - delivered - failed;
  const parts = [
    `${count(delivered)} of ${plural(replayed, 'canary').replace('canarys', 'canaries')} delivered`,
    ...(failed === 0 ? [] : [`${count(failed)} failed`]),
    ...(untried === 0 ? [] : [`${count(untried)} not tried yet`]),
  ];
  const why =
    untried === 0 ? '' : ' They wait if the endpoint is down, the client is paused, or no service runs.';
  return `${parts.join(', ')}.${why}`;
}
