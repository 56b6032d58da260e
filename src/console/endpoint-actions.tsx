import { useState } from 'preact/hooks';
import type { LiveRow } from '../api/live-row.ts';
import { post } from './api.ts';
import { plural, typeName } from './format.ts';
import type { LiveState } from './live.ts';
import { ReportDialog } from './report.tsx';
import { linkTo } from './route.ts';
import { Confirm } from './ui.tsx';

type Asking = 'pause' | 'resume' | 'open' | 'report';

/** What can be done about an endpoint. */
export function EndpointActions({
  row,
  live,
  mayOperate,
}: {
  row: LiveRow;
  live: LiveState;
  mayOperate: boolean;
}) {
  const [asking, setAsking] = useState<Asking>();
  const { client, type } = row;
  const close = () => setAsking(undefined);
  const path = `/v1/clients/${encodeURIComponent(client)}`;
  const others = [...live.rows.values()].filter((one) => one.client === client);
  const waiting = others.reduce((sum, one) => sum + one.waiting + one.retrying, 0);
  const ofWhom = `${plural(others.length, 'endpoint')} of ${client}, for which ${plural(waiting, 'event')} ${waiting === 1 ? 'waits' : 'wait'} now`;
  return (
    <p class="buttons">
      {mayOperate && row.paused === null && <Button {...{ setAsking }} verb="pause" text="Pause client…" />}
      {mayOperate && row.paused !== null && <Button {...{ setAsking }} verb="resume" text="Resume client…" />}
      {mayOperate && row.state !== 'open' && <Button {...{ setAsking }} verb="open" text="Try now…" />}
      <Button {...{ setAsking }} verb="report" text="Report…" />
      <a class="button" href={linkTo('events', [], { client, type, outcome: 'failed' })}>
        Failed events
      </a>
      {asking === 'pause' && (
        <Confirm title={`Pause ${client}?`} verb="Pause" act={() => post(`${path}/pause`)} onClose={close}>
          <p>Nothing is sent to {ofWhom}. What is under way is finished, events are accepted and kept.</p>
        </Confirm>
      )}
      {asking === 'resume' && (
        <Confirm title={`Resume ${client}?`} verb="Resume" act={() => post(`${path}/resume`)} onClose={close}>
          <p>Sending goes on to {ofWhom}.</p>
        </Confirm>
      )}
      {asking === 'open' && (
        <Confirm
          title={`Try ${client} ${typeName(type)} now?`}
          verb="Try now"
          act={() => post(`${path}/pace/${encodeURIComponent(type)}/open`)}
          onClose={close}
        >
          <p>
            {row.state === 'slowed'
              ? 'Its rate is no longer held: what waits is sent as fast as it is taken.'
              : 'One request goes out at once; if it is delivered, the rate rises from there.'}{' '}
            {plural(row.waiting + row.retrying, 'event')}{' '}
            {row.waiting + row.retrying === 1 ? 'waits' : 'wait'}.
          </p>
        </Confirm>
      )}
      {asking === 'report' && <ReportDialog {...{ client, type, mayOperate }} onClose={close} />}
    </p>
  );
}

interface ButtonProps {
  readonly verb: Asking;
  readonly text: string;
  setAsking(verb: Asking): void;
}

function Button({ verb, text, setAsking }: ButtonProps) {
  return (
    <button type="button" onClick={() => setAsking(verb)}>
      {text}
    </button>
  );
}
