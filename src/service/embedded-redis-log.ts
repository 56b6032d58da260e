import type { Log } from '../core/log.ts';
import type { EmbeddedRedisEvent } from '../redis/attach.ts';

/** Writes what happens to the embedded Redis into the service's log, where its operator looks. */
export function logEmbeddedRedis(log: Log): (event: EmbeddedRedisEvent) => void {
  let isLoading = false;
  return (event) => {
    const wasLoading = isLoading;
    isLoading = event.kind === 'loading';
    switch (event.kind) {
      case 'loading':
        // One line for one reading: progress comes twenty times a second.
        if (!wasLoading) log.info({ totalBytes: event.totalBytes }, 'embedded redis reads its file');
        return;
      case 'dropped_end':
        log.warn({ reason: event.words }, 'embedded redis dropped the unfinished end of its file');
        return;
      case 'lost':
        if (event.cause === undefined) log.warn({}, 'embedded redis lost');
        else log.error(factsOf(event.cause), 'embedded redis lost');
        return;
      case 'regained':
        log.info({ redisPid: event.pid }, 'embedded redis runs again');
        return;
      case 'regain_failed':
        log.error(factsOf(event.error), 'embedded redis could not be started');
    }
  };
}

/** As `logEmbeddedRedis`, for a process beside others: logs only what no other user of the server is told. */
export function logOwnDeeds(log: Log): (event: EmbeddedRedisEvent) => void {
  const write = logEmbeddedRedis(log);
  return (event) => {
    if (event.kind === 'dropped_end') write(event);
  };
}

function factsOf(error: Error & { readonly code?: string }): { code: string | undefined; reason: string } {
  return { code: error.code, reason: error.message };
}
