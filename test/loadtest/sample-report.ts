import { seededRandom } from '../../src/core/random.ts';
import { describeDistribution } from '../../src/loadtest/build-load-report.ts';
import { LatencyHistogram } from '../../src/loadtest/latency-histogram.ts';
import type { LoadReport, ReportProbe } from '../../src/loadtest/load-report.ts';
import { parseObjectives } from '../../src/loadtest/objectives.ts';
import { Seconds } from '../../src/loadtest/timeline.ts';

const SERVERS = 12;
const SERVICE_MS = 40;
const WARMUP_MS = 1_000;
const OBJECTIVE = 'p99<150ms';

type ProbeKind = Pick<ReportProbe, 'purpose' | 'verdict'> & {
  rate: number;
  seconds: number;
  reason?: string;
};

/** What a search leaves behind at an endpoint of 12 servers that take 40 ms each, and refuse now and then. */
export function sampleSearch(changes: Partial<LoadReport> = {}): LoadReport {
  const random = seededRandom(7);
  const backlog = 'the backlog grows: 31 in flight in the middle third, 77 in the last';
  const kinds: ProbeKind[] = [
    { purpose: 'preflight', verdict: 'met', rate: 1, seconds: 1 },
    { purpose: 'ramp', verdict: 'met', rate: 50, seconds: 15 },
    { purpose: 'ramp', verdict: 'met', rate: 100, seconds: 15 },
    { purpose: 'ramp', verdict: 'met', rate: 200, seconds: 15 },
    { purpose: 'ramp', verdict: 'missed', rate: 400, seconds: 8, reason: backlog },
    { purpose: 'bisect', verdict: 'met', rate: 283, seconds: 15 },
    { purpose: 'bisect', verdict: 'missed', rate: 311, seconds: 15 },
    { purpose: 'confirm', verdict: 'met', rate: 283, seconds: 60 },
  ];
  let startMs = 0;
  const probes = kinds.map((kind) => {
    const probe = sampleProbe(kind, startMs, random);
    startMs += kind.seconds * 1_000 + WARMUP_MS + (kind.verdict === 'missed' ? 8_000 : 2_300);
    return probe;
  });
  return { ...frame(), kind: 'find-limit', probes, ...changes };
}

/** One run of a minute at 200/s. */
export function sampleRun(changes: Partial<LoadReport> = {}): LoadReport {
  const { recommended: _, ...rest } = frame();
  const kind: ProbeKind = { purpose: 'run', verdict: 'met', rate: 200, seconds: 60 };
  const result = { verdict: 'met', exitCode: 0, sentence: 'all objectives are met', reasons: [] } as const;
  return { ...rest, kind: 'run', result, probes: [sampleProbe(kind, 0, seededRandom(3))], ...changes };
}

/** Events one after another at an endpoint whose servers are taken in turn, free or not. */
function* simulate(rate: number, lengthMs: number, random: () => number) {
  const free = Array.from({ length: SERVERS }, () => 0);
  for (let at = 0; at < lengthMs; at += 1_000 / rate) {
    const server = free.indexOf(Math.min(...free));
    const took = SERVICE_MS * (1 + 0.15 * (random() - 0.5)) + (random() < 0.004 ? 60 : 0);
    const end = Math.max(at, free[server] ?? 0) + took;
    free[server] = end;
    yield { at, end, ms: end - at, refused: random() < 0.002 };
  }
}

function secondsOf(events: readonly { end: number; ms: number; refused: boolean }[], warmupMs: number) {
  const rows = new Seconds(warmupMs, 60_000);
  for (const { end, ms, refused } of events.toSorted((one, other) => one.end - other.end)) {
    const open = rows.at(end);
    open.response.record(ms);
    open.service.record(ms);
    open[refused ? 'failed' : 'delivered'] += 1;
    if (refused) open.failures['503'] = (open.failures['503'] ?? 0) + 1;
  }
  rows.close();
  return rows.rows;
}

function sampleProbe(kind: ProbeKind, startMs: number, random: () => number): ReportProbe {
  const { purpose, verdict, rate, seconds } = kind;
  const [warmupMs, durationMs] = purpose === 'preflight' ? [0, seconds] : [WARMUP_MS, seconds * 1_000];
  const of = {
    response: new LatencyHistogram(),
    service: new LatencyHistogram(),
    lag: new LatencyHistogram(),
  };
  const events = [...simulate(rate, warmupMs + durationMs, random)];
  for (const { ms } of events.filter(({ at }) => at >= warmupMs)) {
    const lag = 0.2 + random();
    of.lag.record(lag);
    of.service.record(ms);
    of.response.record(ms + lag);
  }
  const total = of.response.total;
  const failed = Math.round(total * 0.002);
  const example = { atMs: 1, id: 'e', type: 'disposition_update', unit: 'LOADTEST-1', serviceMs: 41 };
  return {
    purpose,
    startMs,
    ratePerSecond: rate,
    durationMs,
    warmupMs,
    verdict,
    reasons: kind.reason === undefined ? [] : [kind.reason],
    objectives: purpose === 'preflight' ? [] : judged(of.response, verdict, kind.reason !== undefined),
    offered: total,
    sent: total,
    unsent: 0,
    delivered: total - failed,
    failed,
    dropped: 0,
    byStatus: { 200: total - failed, 503: failed },
    byFailureClass: { server_error: failed },
    outcomes: [
      { outcome: 'delivered', status: 200, count: total - failed, examples: [{ ...example, response: '' }] },
      {
        outcome: 'server_error',
        status: 503,
        count: failed,
        examples: [{ ...example, response: 'try later' }],
      },
    ],
    response: describeDistribution(of.response),
    service: describeDistribution(of.service),
    lag: describeDistribution(of.lag),
    inFlight: { middleThird: rate * 0.04, lastThird: rate * 0.041 },
    generator: { sentShare: 1, lagP99Ms: of.lag.percentileMs(99), eventLoopUtilisation: rate / 1_000 },
    ...(kind.reason === undefined ? {} : { cutShort: kind.reason }),
    seconds: secondsOf(events, warmupMs).map((row) => ({
      ...row,
      offered: row.second < seconds + 1 ? rate : 0,
      inFlight: rate / 25,
    })),
  };
}

function judged(
  response: LatencyHistogram,
  verdict: ReportProbe['verdict'],
  isCut: boolean,
): ReportProbe['objectives'] {
  const parsed = parseObjectives([OBJECTIVE, 'delivered>99%']);
  if (!parsed.ok) throw new Error(parsed.problems.join());
  return parsed.value.map((objective, n) => {
    const against = n === 0 ? response.countAtOrAbove(150) : 3;
    const share = { against, of: response.total, lower: 0.0001, upper: 0.0041 };
    const missed = n === 0 && verdict === 'missed' && !isCut;
    return {
      objective,
      verdict: missed ? 'missed' : 'met',
      share,
      found: n === 0 ? 'p99 102 ms' : '99.8 % delivered',
    };
  });
}

function frame(): Omit<LoadReport, 'kind' | 'probes'> {
  const sentence = '283/s is the limit: confirmed there, and not met at 311/s';
  const tokens = new LatencyHistogram();
  tokens.record(31);
  return {
    version: 1,
    waybill: '0.1.0',
    runId: 'lt-20260301-7f3a',
    label: 'before go-live',
    startedAt: '2026-03-01T09:00:00.000Z',
    endedAt: '2026-03-01T09:02:44.000Z',
    command: `waybill loadtest find-limit acme disposition_update --slo '${OBJECTIVE}' --seed 7 --yes`,
    target: {
      client: 'acme',
      types: ['disposition_update'],
      urls: ['https://returns.acme.example/dispositions'],
      auth: 'oauth2',
      timeoutMs: 15_000,
      concurrency: 32,
    },
    plan: {
      via: 'direct',
      arrivals: 'constant',
      seed: 7,
      warmupMs: WARMUP_MS,
      stages: [],
      search: {
        startRate: 50,
        maxRate: 1_000,
        precision: 0.1,
        probeMs: 15_000,
        confirmMs: 60_000,
        budgetMs: 900_000,
        maxRequests: 100_000,
      },
      objectives: [OBJECTIVE, 'delivered>99%'],
      maxInFlight: 4_500,
      payloads: "generated from the type's schema",
      duplicates: 0,
    },
    result: {
      verdict: 'met',
      exitCode: 0,
      sentence,
      reasons: [],
      limit: { kind: 'limit', ratePerSecond: 283, missedAt: 311, sentence },
    },
    tokenRequests: describeDistribution(tokens),
    recommended: {
      settings: [
        { setting: 'ratePerSecond', value: 198, formula: '0.7 x 283/s' },
        {
          setting: 'concurrency',
          value: 21,
          formula: "198/s x service p99 102 ms, rounded up (Little's law)",
        },
        { setting: 'timeoutMs', value: 1_000, formula: '2 x response p99.9 124 ms, at least 1000' },
      ],
      drain: { ms: 600_000, usualRatePerSecond: 99, formula: '600 s x 99/s / (198/s - 99/s)' },
    },
  };
}
