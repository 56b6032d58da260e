import { useRef, useState } from 'preact/hooks';
import { getText, post } from './api.ts';
import { plural } from './format.ts';
import { Dialog, Failure, saveFile, useAsked } from './ui.tsx';

interface ReportProps {
  readonly client: string;
  readonly type: string;
  /** Of one incident; absent: of all dead letters of the endpoint. */
  readonly incident?: string;
  readonly mayOperate: boolean;
  onClose(): void;
}

interface Sent {
  readonly to: string;
  readonly events: number;
}

/** The report for the client's tech support: to read, to copy, to save and to send. */
export function ReportDialog({ client, type, incident, mayOperate, onClose }: ReportProps) {
  const what = { type, ...(incident === undefined ? {} : { incident }) };
  const about = new URLSearchParams(what);
  const path = `/v1/clients/${encodeURIComponent(client)}/report`;
  const { answer, error } = useAsked(
    () => getText(`${path}?${about}`, 'text/markdown'),
    [path, String(about)],
  );
  const [told, setTold] = useState('');
  const [failure, setFailure] = useState<Error>();
  const text = useRef<HTMLTextAreaElement>(null);
  const attempt = (action: Promise<string>) =>
    action.then(
      (message) => {
        setFailure(undefined);
        setTold(message);
      },
      (reason: Error) => setFailure(reason),
    );
  const save = async () => {
    saveFile(`report-${client}.html`, 'text/html', await getText(`${path}?${about}`, 'text/html'));
    return 'Saved.';
  };
  return (
    <Dialog title={`Report on ${client}`} onClose={onClose}>
      <Failure error={error} />
      {answer === undefined && error === undefined && <p class="quiet">Reading the dead letters…</p>}
      {answer !== undefined && (
        <textarea ref={text} class="report" aria-label="The report" readOnly value={answer} />
      )}
      {mayOperate && answer !== undefined && <SendReport path={path} about={what} attempt={attempt} />}
      <Failure error={failure} />
      <p role="status">{told}</p>
      <div class="buttons">
        <button type="button" onClick={onClose}>
          Close
        </button>
        <button type="button" disabled={answer === undefined} onClick={() => attempt(save())}>
          Save as HTML
        </button>
        <button
          type="button"
          class="primary"
          disabled={answer === undefined}
          onClick={() => attempt(copy(text.current))}
        >
          Copy
        </button>
      </div>
    </Dialog>
  );
}

async function copy(text: HTMLTextAreaElement | null): Promise<string> {
  if (text === null) return '';
  text.select();
  // Where the page came over plain HTTP from another machine there is no navigator.clipboard.
  if (navigator.clipboard === undefined) {
    if (!document.execCommand('copy')) throw new Error('The browser did not copy it: it is selected now.');
  } else await navigator.clipboard.writeText(text.value);
  return 'Copied.';
}

interface SendProps {
  readonly path: string;
  readonly about: object;
  attempt(action: Promise<string>): Promise<void>;
}

function SendReport({ path, about, attempt }: SendProps) {
  const [to, setTo] = useState('');
  const [plan, setPlan] = useState<Sent>();
  const [isBusy, setBusy] = useState(false);
  const ask = async () => {
    const address = to.trim() === '' ? {} : { to: to.trim() };
    setPlan(await post<Sent>(`${path}/send`, { ...about, ...address, dryRun: true }));
    return '';
  };
  // To whom it was said that it goes, whatever was typed since.
  const send = async ({ to: address }: Sent) => {
    const sent = await post<Sent>(`${path}/send`, { ...about, to: address });
    setPlan(undefined);
    return `Sent to ${sent.to}.`;
  };
  return (
    <form
      class="row"
      onSubmit={(event) => {
        event.preventDefault();
        setBusy(true);
        void attempt(plan === undefined ? ask() : send(plan)).then(() => setBusy(false));
      }}
    >
      <label>
        Mail it to
        <input
          type="email"
          placeholder="the client's contact"
          value={to}
          onInput={(event) => {
            setTo(event.currentTarget.value);
            setPlan(undefined);
          }}
        />
      </label>
      <button type="submit" disabled={isBusy}>
        {plan === undefined ? 'Send…' : `Yes, send it to ${plan.to}`}
      </button>
      {plan !== undefined && (
        <span class="quiet">The report of {plural(plan.events, 'dead letter')}, units attached.</span>
      )}
    </form>
  );
}
