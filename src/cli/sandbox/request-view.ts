import type { ReceivedTotals, RequestSummary } from '../../sandbox/received-totals.ts';
import { formatCount, oneLine, type Terminal } from '../terminal.ts';

/** Prints requests as they come. */
export interface RequestView {
  add(request: RequestSummary): void;
  /** Prints the sum of the requests that had no line. */
  stop(): void;
}

/** Requests that get a line of their own, per second; one line sums up the others. */
const LINES_A_SECOND = 20;
const SECOND_MS = 1_000;

/** A line for each request while they are few, a line a second while they are many; with `--json` one for each. */
export function openRequestView(terminal: Terminal, wallClock: () => number): RequestView {
  let shown = 0;
  let held = new Map<string, number>();
  const timer = setInterval(endSecond, SECOND_MS);

  function endSecond(): void {
    shown = 0;
    if (held.size === 0) return;
    const sum = [...held.values()].reduce((total, times) => total + times, 0);
    const answers = [...held].map(([answer, times]) => `${answer} × ${formatCount(times)}`);
    held = new Map();
    terminal.line(`${timeOfDay(wallClock())}  and ${formatCount(sum)} more: ${answers.join(', ')}`);
  }

  return {
    add(request) {
      terminal.value({ at: new Date(wallClock()).toISOString(), ...toJson(request) });
      if (terminal.json) return;
      if (shown < LINES_A_SECOND) {
        shown += 1;
        terminal.line(describe(terminal, request, timeOfDay(wallClock())));
        return;
      }
      const answer = answerOf(request);
      held.set(answer, (held.get(answer) ?? 0) + 1);
    },
    stop() {
      clearInterval(timer);
      endSecond();
    },
  };
}

function toJson(request: RequestSummary) {
  const { kind, method, path, type = null, eventId: id = null, unit = null, attempt = null } = request;
  const { fault = null, left, doubled, faults: contractFaults } = request;
  // null: none was sent.
  const status = request.status === 0 ? null : request.status;
  const ms = Math.round(request.ms);
  return {
    ...{ kind, method, path, type, id, unit, attempt, status, fault },
    ...{ answered: !left, ms, doubled, contractFaults },
  };
}

function describe(terminal: Terminal, request: RequestSummary, time: string): string {
  const { kind, type, path, unit, attempt, eventId, ms, doubled, faults } = request;
  const parts =
    kind === 'token'
      ? ['token request']
      : [type ?? `${request.method} ${path}`, unit ?? '-', eventId ?? '-', `attempt ${attempt ?? '-'}`];
  const told = [...parts, `${Math.round(ms)} ms`, ...(doubled ? ['doubled'] : [])].map(oneLine).join('  ');
  const style = request.status >= 200 && request.status < 300 ? 'green' : 'red';
  const faulty = faults.map((fault) => `\n${' '.repeat(14)}${terminal.style('red', `! ${oneLine(fault)}`)}`);
  return `${time}  ${terminal.style(style, answerOf(request).padEnd(3))}  ${told}${faulty.join('')}`;
}

function answerOf({ status, fault, left }: RequestSummary): string {
  if (left) return 'no answer: the sender left';
  return fault ?? String(status);
}

function timeOfDay(ms: number): string {
  return new Date(ms).toISOString().slice(11, 23);
}

/** Prints the sums of all requests; with `--json` as the last line. */
export function printSummary(terminal: Terminal, { endpoints, faults }: ReceivedTotals): void {
  terminal.value({
    kind: 'summary',
    endpoints: Object.fromEntries(
      [...endpoints].map(([name, sums]) => [name, { ...sums, byAnswer: Object.fromEntries(sums.byAnswer) }]),
    ),
    contractFaults: Object.fromEntries(faults),
  });
  if (endpoints.size === 0) {
    terminal.line('\nNothing was received.');
    return;
  }
  terminal.line();
  terminal.table(
    ['', 'requests', 'delivered', 'doubled', 'answers'],
    [...endpoints].map(([name, { received, delivered, doubled, byAnswer }]) => {
      const answers = [...byAnswer].map(([answer, times]) => `${answer} × ${formatCount(times)}`);
      const counts = name === 'token' ? ['', ''] : [formatCount(delivered), formatCount(doubled)];
      return [name, formatCount(received), ...counts, answers.join(', ')];
    }),
    [1, 2, 3],
  );
  if (faults.size === 0) terminal.line('\nEvery request kept to the contract.');
  else terminal.line(`\n${terminal.style('red', 'Where requests differ from the contract')}`);
  for (const [fault, times] of faults) terminal.line(`  ${formatCount(times)} × ${oneLine(fault)}`);
}
