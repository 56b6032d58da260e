import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import type { KeyInfo } from '../api/key.ts';
import { ApiError, storedKey, storeKey, tryKey, whenRefused } from './api.ts';
import { Connection } from './connection.tsx';
import { DeadLettersPage } from './dead-letters.tsx';
import { EndpointPage } from './endpoint.tsx';
import { EventPage } from './event.tsx';
import { EventsPage } from './events.tsx';
import { showUtc, ZONE } from './format.ts';
import { IncidentsPage } from './incidents.tsx';
import { Live, type LiveState } from './live.ts';
import { Overview } from './overview.tsx';
import { linkTo, type Route, readRoute } from './route.ts';
import { headlineOf, stateOf } from './trouble.ts';
import { Failure, useEvery } from './ui.tsx';

/** Between two attempts to enter while the service is away. */
const AGAIN_MS = 2_000;

/** The page: asks for a key, and shows what that may see. */
export function App() {
  const [key, setKey] = useState(storedKey);
  const [info, setInfo] = useState<KeyInfo>();
  const [error, setError] = useState<Error>();
  const [turn, setTurn] = useState(0);
  const leave = (reason?: Error) => {
    storeKey(undefined);
    setKey(undefined);
    setInfo(undefined);
    setError(reason);
  };
  useEffect(() => {
    whenRefused(() => leave(new Error('The service does not take this key any longer.')));
    if (key === undefined) return;
    tryKey(key).then(
      (found) => {
        storeKey(key);
        setError(undefined);
        setInfo(found);
      },
      (failure: Error) => {
        const isWrong = failure instanceof ApiError && (failure.status === 401 || failure.status === 403);
        if (isWrong) leave(failure);
        else setError(failure);
      },
    );
  }, [key, turn]);
  // A service that is away comes back.
  useEvery(AGAIN_MS, () => key !== undefined && error !== undefined && setTurn(turn + 1));
  if (info !== undefined) return <Frame info={info} leave={() => leave()} />;
  return <Login error={error} isTrying={key !== undefined && error === undefined} enter={setKey} />;
}

const isExposed = () =>
  location.protocol === 'http:' &&
  !/^(?:(?:.+\.)?localhost|127(?:\.\d+){3}|\[::1\])$/.test(location.hostname);

function Exposed() {
  if (!isExposed()) return null;
  return (
    <p class="banner bad" role="note">
      This page came over plain HTTP from another machine: keys and payloads travel in the clear. Put a TLS
      proxy in front of the service.
    </p>
  );
}

interface LoginProps {
  readonly error: Error | undefined;
  readonly isTrying: boolean;
  enter(key: string | undefined): void;
}

function Login({ error, isTrying, enter }: LoginProps) {
  const [text, setText] = useState('');
  const input = useRef<HTMLInputElement>(null);
  useEffect(() => input.current?.focus(), []);
  const submit = (event: Event) => {
    event.preventDefault();
    // The same key once more is to be tried once more.
    enter(undefined);
    setTimeout(() => enter(text.trim()));
  };
  return (
    <main class="login">
      <Exposed />
      <h1>Waybill console</h1>
      <form onSubmit={submit}>
        <label>
          Key of the HTTP API
          <input
            type="password"
            autoComplete="off"
            spellcheck={false}
            ref={input}
            required
            value={text}
            onInput={(event) => setText(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="primary" disabled={isTrying}>
          {isTrying ? 'Trying…' : 'Enter'}
        </button>
      </form>
      <Failure error={error} />
      <p class="quiet">
        <code>waybill key NAME --scope read</code> makes one that may look; <code>--scope operate</code> one
        that may also act. It stays in this tab only.
      </p>
    </main>
  );
}

function useLive(): LiveState {
  const live = useMemo(() => new Live(), []);
  const [state, setState] = useState(live.state);
  useEffect(() => {
    const stop = live.listen(() => setState(live.state));
    void live.run();
    return () => {
      stop();
      live.stop();
    };
  }, []);
  return state;
}

function useRoute(): Route {
  const [route, setRoute] = useState(readRoute);
  useEffect(() => {
    const follow = () => setRoute(readRoute());
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return route;
}

const PAGES = [
  ['overview', 'Overview'],
  ['events', 'Events'],
  ['dead-letters', 'Dead letters'],
  ['incidents', 'Incidents'],
] as const;

function Frame({ info, leave }: { info: KeyInfo; leave(): void }) {
  const live = useLive();
  const route = useRoute();
  const [isUtc, setUtc] = useState(false);
  const toggleUtc = () => {
    showUtc(!isUtc);
    setUtc(!isUtc);
  };
  useEffect(() => {
    const down = [...live.rows.values()].filter((row) => stateOf(row) === 'down').length;
    document.title = down === 0 ? 'Waybill console' : `(${down} down) Waybill console`;
  }, [live.rows]);
  useEffect(() => document.querySelector('main')?.focus(), [route.page, ...route.parts]);
  return (
    <>
      <button type="button" class="skip" onClick={() => document.querySelector('main')?.focus()}>
        Skip to the content
      </button>
      <header>
        <b class="brand">Waybill</b>
        <nav aria-label="Pages">
          {PAGES.map(([page, title]) => (
            <a key={page} href={linkTo(page)} aria-current={route.page === page ? 'page' : undefined}>
              {title}
            </a>
          ))}
        </nav>
        <Connection live={live} />
        <span
          class="who"
          title={`key "${info.name}", scopes ${info.scopes.join(', ')}; version ${info.version}`}
        >
          {info.name}
        </span>
        <button type="button" aria-pressed={isUtc} title={`times of ${ZONE}, or of UTC`} onClick={toggleUtc}>
          UTC
        </button>
        <button type="button" onClick={leave}>
          Leave
        </button>
      </header>
      <Exposed />
      <main id="main" tabIndex={-1} key={String(isUtc)}>
        <Page {...{ route, live, info }} />
      </main>
    </>
  );
}

function Page({
  route: { page, parts, query },
  live,
  info,
}: {
  route: Route;
  live: LiveState;
  info: KeyInfo;
}) {
  const mayOperate = info.scopes.includes('operate');
  const [first = '', second = ''] = parts;
  switch (page) {
    case 'overview':
      return <Overview {...{ live, query }} />;
    case 'endpoint':
      return <EndpointPage key={parts.join(' ')} {...{ client: first, type: second, live, mayOperate }} />;
    case 'events':
      return <EventsPage {...{ query, live }} />;
    case 'event':
      return <EventPage key={first} {...{ id: first, mayOperate }} client={query.client} />;
    case 'dead-letters':
      return <DeadLettersPage {...{ query, live, mayOperate }} />;
    case 'incidents':
      return <IncidentsPage {...{ live, mayOperate }} client={query.client} />;
    default:
      return (
        <p>
          There is no such page.{' '}
          <a href={linkTo('overview')}>{headlineOf([...live.rows.values()], live.services)}</a>
        </p>
      );
  }
}
