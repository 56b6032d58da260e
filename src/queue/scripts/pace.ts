import { OPEN_VERDICT } from '../../core/pace.ts';
import { NO_SUMS } from '../../core/pace-sums.ts';
import { NOTE_ACTION } from './note-action.ts';
import { WORK_CHANNEL } from './wake.ts';
import { GO_ON_WHEN_FULL } from './when-full.ts';

/*
 * The pace of an endpoint in Redis: a hash of the verdict (JSON: `Verdict`) and the sums (JSON: `PaceSums`). Redis adds
 * and compares; what follows from that is judged in TypeScript. One clock: that of Redis, in ms.
 */

/** An endpoint is forgotten after so long without news and without an event. */
const FORGET_MS = 600_000;

/** One reservation takes requests of the next 200 ms. */
const AHEAD_MS = 200;

/** Fresh probes: after a tenth of the outage, within these; and one a minute in any case. */
const PROBES = { leastMs: 2_000, mostMs: 15_000, anywayMs: 60_000 };

/** `redisNow()`: ms since the epoch. `readPace(key)`: verdict and sums. */
const READ_PACE = `
local function redisNow()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
local function readPace(key)
  local found = redis.call('HMGET', key, 'verdict', 'sums')
  return cjson.decode(found[1] or '${JSON.stringify(OPEN_VERDICT)}'), cjson.decode(found[2] or '${JSON.stringify(NO_SUMS)}')
end
local function beginWindow(sums, now)
  sums.from = now
  for _, field in ipairs({'ok', 'over', 'fail', 'okAgain', 'overAgain', 'failAgain', 'retryAfters', 'late', 'waited',
      'retryAt', 'failMs'}) do
    sums[field] = 0
  end
end
local function probeGapMs(verdict, now)
  return math.min(${PROBES.mostMs}, math.max(${PROBES.leastMs}, (now - verdict.downFrom) / 10))
end
`;

/**
 * `addNews(verdict, sums, news, now)`: adds what a process tells (`PaceNews`). In `open` a window older than a second
 * is begun anew before, so that it need not be judged.
 */
const ADD_NEWS = `
local function countGood(sums, good, now)
  if now - sums.secondFrom >= 3000 or sums.secondFrom > now then
    sums.countedFrom, sums.secondFrom, sums.second, sums.secondBefore = now - 20, now, 0, 0
  end
  while now - sums.secondFrom >= 1000 do
    sums.meanPerSecond = sums.meanPerSecond + (sums.second - sums.meanPerSecond) * 0.1
    sums.secondBefore, sums.second, sums.secondFrom = sums.second, 0, sums.secondFrom + 1000
  end
  sums.second = sums.second + good
end
local function noteGood(sums, news, now)
  local weight = news.responseMs < sums.quickMs and 0.5 or 0.0005
  sums.quickMs = sums.quickMs + (news.responseMs - sums.quickMs) * weight
  sums.responseMs = sums.responseMs + (news.responseMs - sums.responseMs) * 0.2
  sums.goodAt, sums.fails, sums.firsts, sums.failsFrom = now, news.tail, news.firstsInTail, now - news.tailAgeMs
  sums.retryAftersInRow = 0
end
local function noteBad(verdict, sums, news, bad, now)
  if sums.fails == 0 then sums.firsts, sums.failsFrom = 0, now - news.tailAgeMs end
  sums.fails, sums.firsts = sums.fails + bad, sums.firsts + news.firstsInTail
  sums.retryAftersInRow = sums.retryAftersInRow + news.retryAfters
  -- Something was sent while it was down: the next fresh probe can wait.
  if verdict.state == 'down' then
    sums.freshAt = math.max(sums.freshAt, now - news.tailAgeMs + probeGapMs(verdict, now))
  end
end
local function addNews(verdict, sums, news, now)
  if sums.from > now or (verdict.state == 'open' and now - sums.from >= 1000) then beginWindow(sums, now) end
  -- Times ahead are of another clock.
  for _, field in ipairs({'goodAt', 'failsFrom', 'countedFrom', 'newsAt'}) do
    sums[field] = math.min(sums[field], now)
  end
  local good = news.ok + news.okAgain + news.okOld
  local bad = news.over + news.fail + news.overAgain + news.failAgain + news.badOld
  countGood(sums, good, now)
  if good > 0 then noteGood(sums, news, now) elseif bad > 0 then noteBad(verdict, sums, news, bad, now) end
  if good + bad > 0 then sums.newsAt = now end
  if news.epoch == verdict.epoch then
    for _, field in ipairs({'ok', 'over', 'fail', 'okAgain', 'overAgain', 'failAgain', 'retryAfters', 'late'}) do
      sums[field] = sums[field] + news[field]
    end
    sums.retryAt = math.max(sums.retryAt, news.retryAt)
    sums.failMs = math.max(sums.failMs, news.failMs)
  end
  -- After a hold the lease stays until the verdict, unless the request was never sent.
  if news.probe ~= '' and news.probe == sums.probeBy
    and (verdict.holdUntil == 0 or verdict.state == 'down' or good + bad == 0) then
    sums.probeUntil = 0
  end
end
`;

/** `reserve(verdict, sums, want, now)`: what a process may send now (`PaceGrant`). */
const RESERVE = `
local function granted(grant)
  for field, none in pairs({count = 0, at = 0, everyMs = 0, probe = '', againAt = 0}) do
    if grant[field] == nil then grant[field] = none end
  end
  return grant
end
local function reserveProbe(verdict, sums, want, now)
  local leaseMs = want.timeoutMs + 1000
  sums.waited = 1
  if sums.probeUntil > now and sums.probeUntil <= now + leaseMs then
    return {againAt = math.min(sums.probeUntil, now + 1000)}
  end
  local probe = want.fresh > 0 and 'fresh' or ''
  if verdict.state == 'down' then
    -- Written down, so that times of a clock that was ahead do not go on with the clock.
    sums.freshAt = math.min(sums.freshAt, now + ${PROBES.mostMs})
    sums.freshBy = math.min(sums.freshBy, now + ${PROBES.anywayMs})
    local dueAt = math.min(sums.freshAt, sums.freshBy)
    if dueAt > now or want.fresh == 0 then return {againAt = math.max(dueAt, now + 1000)} end
    sums.freshAt = now + probeGapMs(verdict, now)
    sums.freshBy = now + ${PROBES.anywayMs}
  elseif want.retry > 0 then
    probe = 'retry'
  end
  if probe ~= '' then sums.probeUntil, sums.probeBy = now + leaseMs, want.by end
  return {probe = probe}
end
local function reserve(verdict, sums, want, now)
  if verdict.state == 'open' then return {} end
  if verdict.holdUntil > now then
    sums.waited = 1
    return {againAt = math.min(verdict.holdUntil, now + 60000)}
  end
  if verdict.holdUntil > 0 or verdict.state == 'down' then return reserveProbe(verdict, sums, want, now) end
  local everyMs = 1000 / verdict.rate
  local nextAt = math.min(math.max(sums.nextAt, now), now + ${AHEAD_MS} + everyMs)
  local asked = want.fresh
  if not verdict.failing then asked = asked + want.retry end
  local count = 0
  if nextAt <= now + ${AHEAD_MS} then
    count = math.min(asked, math.floor((now + ${AHEAD_MS} - nextAt) / everyMs) + 1)
  end
  sums.nextAt = nextAt + count * everyMs
  -- A request due within 50 ms waits for its slot rather than for the pace.
  if count < asked or sums.nextAt > now + 50 then sums.waited = 1 end
  if count == 0 then return {againAt = nextAt - ${AHEAD_MS / 2}} end
  return {count = count, at = nextAt, everyMs = everyMs}
end
`;

/** `answerPace(key, prefix, verdict, sums, now)`: writes the sums down. Returns the first four of `TELL_PACE`. */
const ANSWER = `
local function answerPace(key, prefix, verdict, sums, now)
  local isOver = verdict.number > 0 and now - math.max(sums.newsAt, verdict.since) >= ${FORGET_MS}
    and redis.call('EXISTS', prefix .. 'wait', prefix .. 'active', prefix .. 'prioritized', prefix .. 'delayed') == 0
  local text = cjson.encode(sums)
  redis.call('HSET', key, 'sums', text)
  return {cjson.encode(verdict), text, now, isOver and 1 or 0}
end
`;

/** `tellPace(key, prefix, news)`: adds news to the sums, for a script that runs anyway. Returns as `TELL_PACE`. */
export const PACE_FUNCTIONS = `
${READ_PACE}
${ADD_NEWS}
${ANSWER}
local function tellPace(key, prefix, news)
  local now = redisNow()
  local verdict, sums = readPace(key)
  addNews(verdict, sums, news, now)
  return answerPace(key, prefix, verdict, sums, now)
end
`;

/**
 * Adds news and reserves what may be sent now.
 *
 * KEYS  pace
 * ARGV  queue's prefix, news, wants ('': reserves nothing); JSON: `PaceNews`, `PaceWant`
 * Returns {verdict, sums, now, 1: to be forgotten, grant ('': nothing was reserved)}; JSON: `Verdict`, `PaceSums`,
 * `PaceGrant`.
 */
export const TELL_PACE = `
${GO_ON_WHEN_FULL}
${READ_PACE}
${ADD_NEWS}
${ANSWER}
${RESERVE}
local now = redisNow()
local verdict, sums = readPace(KEYS[1])
addNews(verdict, sums, cjson.decode(ARGV[2]), now)
local grant = ARGV[3] ~= '' and cjson.encode(granted(reserve(verdict, sums, cjson.decode(ARGV[3]), now))) or ''
local answer = answerPace(KEYS[1], ARGV[1], verdict, sums, now)
answer[5] = grant
return answer
`;

/**
 * Replaces the verdict if it is still the one before this, begins the window anew, and publishes it.
 *
 * KEYS  pace; with an entry of the audit also the audit
 * ARGV  queue's prefix, the next verdict as JSON, 1: forgets the sums, the entry of the audit ('': none)
 * Returns {the verdict that holds, as JSON, 1: it is this one, 0: another process was faster}.
 */
export const WRITE_VERDICT = `
${GO_ON_WHEN_FULL}
${READ_PACE}
${NOTE_ACTION}
local now, nextVerdict = redisNow(), cjson.decode(ARGV[2])
local verdict, sums = readPace(KEYS[1])
if nextVerdict.number ~= verdict.number + 1 then return {cjson.encode(verdict), 0} end
if ARGV[3] == '1' then sums = cjson.decode('${JSON.stringify(NO_SUMS)}') end
beginWindow(sums, now)
sums.nextAt = math.max(now, math.min(sums.nextAt, now + ${AHEAD_MS}))
if nextVerdict.state == 'down' and verdict.state ~= 'down' then
  sums.freshAt, sums.freshBy = now + probeGapMs(nextVerdict, now), now + ${PROBES.anywayMs}
end
if nextVerdict.epoch ~= verdict.epoch then sums.probeUntil = 0 end
redis.call('HSET', KEYS[1], 'verdict', ARGV[2], 'sums', cjson.encode(sums))
redis.pcall('PUBLISH', '${WORK_CHANNEL}', string.format('%s %s %s', 'pace', ARGV[1], ARGV[2]))
noteAction(KEYS[2], ARGV[4])
return {ARGV[2], 1}
`;
