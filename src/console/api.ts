import type { KeyInfo } from '../api/key.ts';

const KEY = 'waybill-key';
const UNKNOWN_KEY = 'The service does not know this key.';

/** The key of this tab; it goes nowhere but to the service. */
export function storedKey(): string | undefined {
  return sessionStorage.getItem(KEY) ?? undefined;
}

/** Keeps the key for this tab, or forgets it. */
export function storeKey(key: string | undefined): void {
  if (key === undefined) sessionStorage.removeItem(KEY);
  else sessionStorage.setItem(KEY, key);
}

/** What the service answered if it did not do what was asked, or that it did not answer. */
export class ApiError extends Error {
  readonly code: string;
  /** 0: there was no answer. */
  readonly status: number;

  constructor(code: string, status: number, message: string) {
    super(message);
    this.code = code;
    this.status = status;
  }
}

interface Problem {
  readonly code?: string;
  readonly detail?: string;
  readonly errors?: readonly { readonly path: string; readonly message: string }[];
}

/** Names and values of a query; undefined ones are left out. */
export type Query = Readonly<Record<string, string | number | undefined>>;

let onRefused: () => void = () => {};

/** Is called when the key is not taken any longer. */
export function whenRefused(action: () => void): void {
  onRefused = action;
}

/** Asks for something. @throws ApiError */
export function get<Answer>(path: string, query: Query = {}, signal?: AbortSignal): Promise<Answer> {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== '');
  const search = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
  const suffix = search.size === 0 ? '' : `?${search}`;
  return call<Answer>(`${path}${suffix}`, signal === undefined ? {} : { signal });
}

/** Has something done. @throws ApiError */
export function post<Answer>(path: string, body: object = {}): Promise<Answer> {
  const headers = { 'content-type': 'application/json' };
  return call<Answer>(path, { method: 'POST', headers, body: JSON.stringify(body) });
}

/** The text of an answer, for a file. @throws ApiError */
export async function getText(path: string, accept: string): Promise<string> {
  return (await send(path, { headers: { accept } })).text();
}

/** Opens a stream. @throws ApiError */
export function open(path: string, signal: AbortSignal): Promise<Response> {
  return send(path, { signal });
}

/** What a key may do. @throws ApiError if it is wrong */
export async function tryKey(key: string): Promise<KeyInfo> {
  // Anything else cannot be a header.
  if (!/^[\x21-\x7e]+$/.test(key)) throw new ApiError('UNAUTHENTICATED', 401, UNKNOWN_KEY);
  const response = await fetchFrom('/v1/key', { headers: { authorization: `Bearer ${key}` } });
  if (response.status === 401) throw new ApiError('UNAUTHENTICATED', 401, UNKNOWN_KEY);
  if (!response.ok) throw await toError(response);
  return response.json();
}

async function call<Answer>(path: string, options: RequestInit): Promise<Answer> {
  return (await send(path, options)).json();
}

async function send(path: string, options: RequestInit): Promise<Response> {
  const headers = { ...options.headers, authorization: `Bearer ${storedKey() ?? ''}` };
  const response = await fetchFrom(path, { ...options, headers });
  if (response.ok) return response;
  if (response.status === 401) onRefused();
  throw await toError(response);
}

async function fetchFrom(path: string, options: RequestInit): Promise<Response> {
  try {
    // Relative: a proxy may serve all below a path of its own.
    return await fetch(`.${path}`, { ...options, cache: 'no-store', credentials: 'omit', redirect: 'error' });
  } catch (error) {
    if (options.signal?.aborted) throw error;
    throw new ApiError('NO_ANSWER', 0, 'the service does not answer');
  }
}

async function toError(response: Response): Promise<ApiError> {
  const problem: Problem = await response.json().catch(() => ({}));
  const errors = (problem.errors ?? []).map(({ path, message }) => `${path} ${message}`);
  const text = [problem.detail ?? `the service answered ${response.status}`, ...errors].join('; ');
  return new ApiError(problem.code ?? 'UNEXPECTED', response.status, text);
}
