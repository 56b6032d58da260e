import { useMemo } from 'preact/hooks';
import type { History } from '../api/history.ts';
import type { LiveRow } from '../api/live-row.ts';
import { get } from './api.ts';
import { EndpointActions } from './endpoint-actions.tsx';
import { count, duration, plural, rate, typeName } from './format.ts';
import { type Incident, IncidentList, type Incidents } from './incidents.tsx';
import type { LiveState } from './live.ts';
import { Plot, type Series } from './plot.tsx';
import { linkTo } from './route.ts';
import { adviceOf, reasonOf, stateOf } from './trouble.ts';
import { Fact, Failure, Foreign, State, Time, useAsked, useEvery } from './ui.tsx';

/** A sample of the last hour comes so often. */
const SAMPLE_MS = 10_000;

interface EndpointProps {
  readonly client: string;
  readonly type: string;
  readonly live: LiveState;
  readonly mayOperate: boolean;
}

/** An endpoint: how it is, its last hour, and what can be done. */
export function EndpointPage({ client, type, live, mayOperate }: EndpointProps) {
  const row = live.rows.get(`${client} ${type}`);
  const path = `/v1/clients/${encodeURIComponent(client)}/endpoints/${encodeURIComponent(type)}/history`;
  const history = useAsked((signal) => get<History>(path, {}, signal), [path]);
  const incidents = useAsked(
    (signal) => get<Incidents>('/v1/incidents', { client }, signal),
    [client, row?.incident],
  );
  useEvery(SAMPLE_MS, () => live.link === 'live' && history.again());
  // The stream says something every two seconds: plots are drawn when they have something new.
  const lastHour = useMemo(
    () => history.answer !== undefined && <LastHour history={history.answer} />,
    [history.answer],
  );
  return (
    <>
      <nav class="crumbs" aria-label="Where this is">
        <a href={linkTo('overview')}>Overview</a> / <Foreign text={client} />
      </nav>
      <h1>
        <Foreign text={client} /> <span class="quiet">{typeName(type)}</span>{' '}
        {row && <State state={stateOf(row)} />}
      </h1>
      {row === undefined && live.at !== undefined && (
        <p class="failure">There is no such endpoint any longer.</p>
      )}
      {row !== undefined && <Standing row={row} />}
      {row !== undefined && <EndpointActions {...{ row, live, mayOperate }} />}
      <Failure error={history.error ?? incidents.error} />
      {lastHour}
      {incidents.answer !== undefined && (
        <ItsIncidents {...{ type, mayOperate }} incidents={incidents.answer} />
      )}
    </>
  );
}

function Standing({ row }: { row: LiveRow }) {
  const {
    client,
    type,
    waiting,
    retrying,
    inFlight,
    dead,
    oldestSeconds,
    drainSeconds,
    paused,
    since,
    nextTryAt,
  } = row;
  const reason = reasonOf(row);
  const advice = adviceOf(row);
  return (
    <>
      {stateOf(row) !== 'ok' && (
        <p class="why">
          {paused !== null && (
            <>
              Paused since <Time at={paused} />.{' '}
            </>
          )}
          {row.state !== 'open' && since !== null && (
            <>
              {row.state} since <Time at={since} /> ({<Time at={since} isAgo />}).{' '}
            </>
          )}
          {nextTryAt !== null && paused === null && (
            <>
              Tried next at <Time at={nextTryAt} />.
            </>
          )}
        </p>
      )}
      {reason !== '' && (
        <p class="why">
          {row.lastError !== null && row.withheld === null && (
            <>
              Last error at <Time at={row.lastError.at} />
              {row.lastError.deliveredSince > 0 &&
                `, ${plural(row.lastError.deliveredSince, 'event')} delivered since`}
              {': '}
            </>
          )}
          <bdi class="answer">{reason}</bdi>
        </p>
      )}
      {advice !== undefined && (
        <p class="why">
          <b>What to do:</b> {advice.whole}
        </p>
      )}
      <dl class="facts">
        <Fact name="Delivered">
          {rate(row.deliveredPerSecond)}/s <small>{count(row.delivered)} in all</small>
        </Fact>
        <Fact name="Waiting">
          {count(waiting)}
          {waiting > 0 && <small> the oldest for {duration(oldestSeconds)}</small>}
        </Fact>
        {waiting + retrying > 0 && (
          <Fact name="To drain">{drainSeconds === null ? 'unknown' : duration(drainSeconds)}</Fact>
        )}
        <Fact name="In flight">{count(inFlight)}</Fact>
        <Fact name="Retrying">{count(retrying)}</Fact>
        <Fact name="Dead letters">
          {dead === 0 ? '0' : <a href={linkTo('dead-letters', [], { client, type })}>{count(dead)}</a>}
        </Fact>
        {row.ratePerSecond !== null && <Fact name="Pace">{rate(row.ratePerSecond)} requests/s</Fact>}
      </dl>
    </>
  );
}

const FAILURE_NAMES: Readonly<Record<string, string>> = {
  client_error: '4xx',
  unauthorized: '401',
  server_error: '5xx',
  timeout: 'timeout',
  network: 'network',
  token_or_local: 'token or local',
};

function LastHour({ history }: { history: History }) {
  const { at, everySeconds, accepted, delivered, waiting, dead, ratePerSecond, failed, latency } = history;
  if (at === null || accepted.length === 0) {
    return (
      <p class="quiet">
        The last hour is drawn from the second sample on: within {duration(2 * everySeconds)} of a start.
      </p>
    );
  }
  const last = Date.parse(at) / 1_000;
  const times = accepted.map((_, i) => last - (accepted.length - 1 - i) * everySeconds);
  const perSecond = (values: readonly number[]) => values.map((value) => value / everySeconds);
  const failures: Series[] = Object.entries(failed).flatMap(([group, values], i) => {
    const label = FAILURE_NAMES[group] ?? group;
    return values.some((value) => value > 0)
      ? [{ label, colour: `plot-${i + 1}`, values: perSecond(values) }]
      : [];
  });
  const line = (label: string, colour: string, values: readonly (number | null)[]): Series => ({
    label,
    colour,
    values,
  });
  return (
    <section aria-label="The last hour">
      <h2>The last hour</h2>
      <div class="plots">
        <Plot
          {...{ times, title: 'Events', unit: '/s' }}
          series={[
            line('accepted', 'plot-1', perSecond(accepted)),
            line('delivered', 'plot-2', perSecond(delivered)),
          ]}
        />
        <Plot {...{ times, title: 'Failed attempts', unit: '/s' }} series={failures} />
        <Plot
          {...{ times, title: 'Latency', unit: 'ms' }}
          series={[
            line('p50', 'plot-1', latency.p50),
            line('p90', 'plot-2', latency.p90),
            line('p99', 'plot-3', latency.p99),
          ]}
        />
        <Plot
          {...{ times, title: 'Backlog', unit: '' }}
          series={[line('waiting', 'plot-1', waiting), line('dead letters', 'plot-3', dead)]}
        />
        <Plot
          {...{ times, title: 'Pace, while a rate is held', unit: '/s' }}
          series={[line('requests', 'plot-4', ratePerSecond)]}
        />
      </div>
    </section>
  );
}

interface ItsIncidentsProps {
  readonly incidents: Incidents;
  readonly type: string;
  readonly mayOperate: boolean;
}

function ItsIncidents({ incidents, type, mayOperate }: ItsIncidentsProps) {
  const isIts = (incident: Incident) => incident.type === type;
  const [open, closed] = [incidents.open.filter(isIts), incidents.closed.filter(isIts)];
  return (
    <section aria-label="Incidents">
      <h2>Incidents of the last 7 days</h2>
      {open.length + closed.length === 0 ? (
        <p class="quiet">None.</p>
      ) : (
        <IncidentList incidents={[...open, ...closed]} mayOperate={mayOperate} />
      )}
    </section>
  );
}
