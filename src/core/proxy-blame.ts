/**
 * Whose a failure is that came about at a proxy, or beyond it. `proxy`: ours to mend. `either`: the proxy did not reach
 * the target, and one of the two is the reason. `target`: the proxy had connected us.
 */
export type ProxyBlame = 'proxy' | 'either' | 'target';

/** A target that is reached through a proxy is called so; a proxy by itself is the subject of its sentence. */
const NAMED = /(?<through>through )?\bproxy \S+:\d+(?<what>.*)/s;
/** It could not connect, or hangs as one does whose packets are dropped. */
const UNREACHED = /^ (?:answered 5\d\d\b|did not answer CONNECT )/;

/** Whose a failure is that a sentence about a request without an answer tells of; undefined: no proxy had part in it. */
export function proxyBlameIn(detail: string): ProxyBlame | undefined {
  const { through, what } = NAMED.exec(detail)?.groups ?? {};
  if (what === undefined) return undefined;
  if (through !== undefined) return 'target';
  return UNREACHED.test(what) ? 'either' : 'proxy';
}
