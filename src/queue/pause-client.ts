import type { AuditNote } from '../core/audit.ts';
import { auditKeys, auditText } from './audit.ts';
import { defineScript } from './define-script.ts';
import { deliveriesPrefix, statsKey } from './names.ts';
import { ENDPOINT_TYPES } from './scripts/endpoint-types.ts';
import { NOTE_ACTION } from './scripts/note-action.ts';
import { WAKE } from './scripts/wake.ts';
import { GO_ON_WHEN_FULL } from './scripts/when-full.ts';
import type { Connection } from './servers.ts';

/**
 * Does what BullMQ's `queue.pause` and `queue.resume` do with the queues of all endpoints of a client. While `pausedAt`
 * stands, each new batch pauses its queue. Goes on while Redis is full: a failing client, which fills it, is what is to
 * be paused.
 *
 * KEYS  stats; with an entry of the audit also the audit
 * ARGV  prefix of all deliveries, paused | resumed, now, the entry of the audit ('': none)
 * Returns 1, or 0 if it was so already.
 */
const pauseScript = defineScript(
  'pause',
  `
${WAKE}
${NOTE_ACTION}
${ENDPOINT_TYPES}
${GO_ON_WHEN_FULL}local pauses, now = ARGV[2] == 'paused', ARGV[3]
local changed = (redis.call('HEXISTS', KEYS[1], 'pausedAt') == 1) ~= pauses
if changed and pauses then redis.call('HSET', KEYS[1], 'pausedAt', now) end
if changed and not pauses then redis.call('HDEL', KEYS[1], 'pausedAt') end
for _, kind in ipairs(endpointTypes(KEYS[1])) do
  local prefix = ARGV[1] .. ':' .. kind .. ':'
  if (redis.call('HEXISTS', prefix .. 'meta', 'paused') == 1) ~= pauses then
    local before = workDue(prefix)
    if pauses then
      redis.call('HSET', prefix .. 'meta', 'paused', 1)
    else
      redis.call('HDEL', prefix .. 'meta', 'paused')
    end
    wakeWorkers(prefix, before)
    changed = true
  end
end
if changed then noteAction(KEYS[2], ARGV[4]) end
return changed and 1 or 0
`,
);

/**
 * Pauses a client's delivery in all processes, or resumes it. Requests under way go on.
 *
 * @param now ms since the epoch
 * @param note who does it, for the audit
 * @returns false if it was so already
 */
export async function setPaused(
  redis: Connection,
  client: string,
  paused: boolean,
  now: number,
  note?: AuditNote,
): Promise<boolean> {
  const args = [deliveriesPrefix(client), paused ? 'paused' : 'resumed', now, auditText(note)];
  return (await pauseScript(redis, [statsKey(client), ...auditKeys(client, note)], args)) === 1;
}

/** Whether a client's delivery is paused. */
export async function isPaused(redis: Connection, client: string): Promise<boolean> {
  return (await redis.hexists(statsKey(client), 'pausedAt')) === 1;
}
