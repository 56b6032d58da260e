import type { AddressInfo } from 'node:net';
import { serve } from './child.ts';
import type { ReceiverCommands, Tally, Turn, Window } from './protocol.ts';
import { createReceiver } from './receiver-servers.ts';
import { BODY_BYTES, explainWrong } from './workload.ts';

/*
 * The endpoint, in a process of its own. It counts every request and looks at the length of each; one in so
 * many it checks to the last byte.
 */

const CHECK_EVERY = 101;
const MICROSECONDS = 1_000_000;

let received = 0;
let wrong = 0;
let firstWrong: string | undefined;
let turn: Turn = { leadIn: 0, total: 0 };
let onTotal: (window: Window) => void = () => {};
let counted: Promise<Window> | undefined;
let began = { at: 0, cpu: process.cpuUsage() };

function reportWrong(reason: string): void {
  wrong += 1;
  firstWrong ??= reason;
}

function count(bodyBytes: number, look: () => { readonly head: string; readonly body: string }): void {
  received += 1;
  if (bodyBytes !== BODY_BYTES) reportWrong(`the body has ${bodyBytes} bytes`);
  else if (received % CHECK_EVERY === 1) {
    const { head, body } = look();
    const reason = explainWrong(head, body);
    if (reason !== undefined) reportWrong(reason);
  }
  if (received === turn.leadIn) began = { at: performance.now(), cpu: process.cpuUsage() };
  if (received === turn.total) onTotal(closeWindow());
}

function closeWindow(): Window {
  const seconds = (performance.now() - began.at) / 1_000;
  const { user, system } = process.cpuUsage(began.cpu);
  return { events: turn.total - turn.leadIn, seconds, busy: (user + system) / MICROSECONDS / seconds };
}

serve<ReceiverCommands>({
  listen: (kind) =>
    new Promise((resolve) => {
      const server = createReceiver(kind, count);
      server.listen(0, '127.0.0.1', () => resolve((server.address() as AddressInfo).port));
    }),
  async count(next) {
    received = 0;
    wrong = 0;
    firstWrong = undefined;
    turn = next;
    counted = new Promise((resolve) => {
      onTotal = resolve;
    });
  },
  window: () => counted ?? Promise.reject(new Error('nothing is being counted')),
  tally: async (): Promise<Tally> => ({ received, wrong, firstWrong }),
});
