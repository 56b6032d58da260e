import { parseJson } from '../../core/json-value.ts';
import { formatCount } from '../../core/quantity-text.ts';
import type { ReceivedTotals, RequestSummary } from '../../sandbox/received-totals.ts';
import { oneLine, type Terminal, visibleText } from '../terminal.ts';

/** Requests that get a line of their own, per second; one line sums up the others. */
const LINES_A_SECOND = 20;
const SECOND_MS = 1_000;
/** What is shown of a body. */
const MOST_CHARACTERS = 4_000;
const MOST_LINES = 100;
const DEEPEST_INDENT = 20;
/** As wide as the time of day. */
const BELOW = ' '.repeat(14);

/**
 * A line for each request while they are few, a line a second while they are many; with `--json` one for each.
 *
 * @param showsBodies those of deliveries: a token request holds credentials
 */
export function openRequestView(terminal: Terminal, showsBodies: boolean) {
  let shown = 0;
  const held = new Map<string, number>();
  const timer = setInterval(endSecond, SECOND_MS);

  function endSecond(): void {
    shown = 0;
    if (held.size === 0) return;
    const sum = [...held.values()].reduce((total, times) => total + times, 0);
    terminal.line(`${timeOfDay()}  and ${formatCount(sum)} more: ${describeAnswers(held)}`);
    held.clear();
  }

  return {
    add(request: RequestSummary): void {
      const body = showsBodies && request.kind === 'delivery' ? request.body : undefined;
      terminal.value({ at: new Date().toISOString(), ...toJson(request), body });
      if (terminal.json) return;
      shown += 1;
      if (shown <= LINES_A_SECOND) {
        terminal.line(describe(terminal, request));
        if (body !== undefined) terminal.verbatim(showBody(body));
      } else held.set(answerOf(request), (held.get(answerOf(request)) ?? 0) + 1);
    },
    /** Prints the sum of the requests that had no line. */
    stop(): void {
      clearInterval(timer);
      endSecond();
    },
  };
}

function describeAnswers(counts: ReadonlyMap<string, number>): string {
  return [...counts].map(([answer, times]) => `${answer} × ${formatCount(times)}`).join(', ');
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

function describe(terminal: Terminal, request: RequestSummary): string {
  const { kind, type, path, unit, attempt, eventId, ms, doubled, faults } = request;
  const isToken = kind === 'token';
  const parts = isToken
    ? ['token request']
    : [type ?? `${request.method} ${path}`, unit ?? '-', `attempt ${attempt ?? '-'}`];
  const told = [...parts, `${Math.round(ms)} ms`, ...(doubled ? ['doubled'] : [])].map(oneLine).join('  ');
  const id = isToken ? '' : oneLine(eventId ?? '-');
  const answer = answerOf(request).padEnd(3);
  const width = BELOW.length + answer.length + told.length + id.length + 4;
  const isWide = width > (process.stdout.columns || Number.POSITIVE_INFINITY);
  const style = request.status >= 200 && request.status < 300 ? 'green' : 'red';
  const faulty = faults.map((fault) => `\n${BELOW}${terminal.style('red', `! ${oneLine(fault)}`)}`).join('');
  const head = `${timeOfDay()}  ${terminal.style(style, answer)}  ${told}`;
  return `${head}${isWide ? `\n${BELOW}` : '  '}${id}`.trimEnd() + faulty;
}

function showBody(body: string): string {
  if (body === '') return '  (no body)';
  const start = body.slice(0, MOST_CHARACTERS);
  const lines = (parseJson(body) === undefined ? start : indentJson(start)).split('\n');
  const isCut = start.length < body.length || lines.length > MOST_LINES;
  const end = isCut ? [`… and more: ${formatCount(body.length)} characters in all`] : [];
  return [...lines.slice(0, MOST_LINES), ...end].map((line) => `  ${visibleText(line)}`).join('\n');
}

const TOKEN = /"(?:[^"\\]|\\.)*"?|[[{]\s*[\]}]|[[\]{},:]|\s+/g;

/** Indents JSON, or the start of some; strings and numbers stay as they are spelled. */
function indentJson(text: string): string {
  let depth = 0;
  const newLine = () => `\n${'  '.repeat(Math.min(depth, DEEPEST_INDENT))}`;
  return text.replace(TOKEN, (token) => {
    if (token === '{' || token === '[') {
      depth += 1;
      return token + newLine();
    }
    if (token === '}' || token === ']') {
      depth -= 1;
      return newLine() + token;
    }
    if (token === ',') return token + newLine();
    return token === ':' ? ': ' : token.trim();
  });
}

function answerOf({ status, fault, left }: RequestSummary): string {
  if (left) return 'no answer: the sender left';
  return fault ?? String(status);
}

function timeOfDay(): string {
  return new Date().toISOString().slice(11);
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
      const counts = name === 'token' ? ['', ''] : [formatCount(delivered), formatCount(doubled)];
      return [name, formatCount(received), ...counts, describeAnswers(byAnswer)];
    }),
    [1, 2, 3],
  );
  if (faults.size === 0) terminal.line('\nEvery request kept to the contract.');
  else terminal.line(`\n${terminal.style('red', 'Where requests differ from the contract')}`);
  for (const [fault, times] of faults) terminal.line(`  ${formatCount(times)} × ${oneLine(fault)}`);
}
