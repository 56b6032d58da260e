import { createSocket } from 'node:dgram';
import { Resolver } from 'node:dns';
import { once } from 'node:events';
import type { Lookup } from '../../src/http/share-questions.ts';

/** What a question is answered with: IPv4 addresses, a response code, bytes that are no answer, or nothing. */
export type DnsAnswer = readonly string[] | 'SERVFAIL' | 'NXDOMAIN' | 'REFUSED' | 'garbage' | 'silence';

/** A name server on the loopback address. */
export interface DnsServer {
  /** The names that were asked for, in order of arrival. */
  readonly asked: readonly string[];
  /** Asks this server, and no other, for IPv4 addresses. */
  readonly lookup: Lookup;
  close(): Promise<void>;
}

/** How long an answer is waited for, which comes from this process and has to be there by then. */
const SILENCE_MS = 2_000;
const RESPONSE_CODES = { SERVFAIL: 2, NXDOMAIN: 3, REFUSED: 5 } as const;

/** Starts a name server; `answer` says what the n-th question, from 1, is answered with. */
export async function startDnsServer(
  answer: (question: number, name: string) => DnsAnswer,
): Promise<DnsServer> {
  const asked: string[] = [];
  const socket = createSocket('udp4');
  socket.on('message', (query, peer) => {
    const name = questionName(query);
    asked.push(name);
    const reply = respondTo(query, answer(asked.length, name));
    if (reply !== undefined) socket.send(reply, peer.port, peer.address);
  });
  socket.bind(0, '127.0.0.1');
  await once(socket, 'listening');
  const resolver = new Resolver({ timeout: SILENCE_MS, tries: 1 });
  resolver.setServers([`127.0.0.1:${socket.address().port}`]);
  return {
    asked,
    lookup: (hostname, _options, callback) => {
      resolver.resolve4(hostname, (error, addresses) => {
        callback(
          error,
          (addresses ?? []).map((address) => ({ address, family: 4 })),
        );
      });
    },
    async close() {
      resolver.cancel();
      socket.close();
      await once(socket, 'close');
    },
  };
}

/** Where the question's name ends: behind the header of twelve bytes, labels up to an empty one. */
function nameEnd(query: Buffer): number {
  let at = 12;
  while ((query[at] ?? 0) > 0) at += 1 + (query[at] ?? 0);
  return at + 1;
}

function questionName(query: Buffer): string {
  const labels: string[] = [];
  for (let at = 12; (query[at] ?? 0) > 0; at += 1 + (query[at] ?? 0)) {
    labels.push(query.toString('latin1', at + 1, at + 1 + (query[at] ?? 0)));
  }
  return labels.join('.');
}

/** A reply to the query's question, without its additional records. */
function respondTo(query: Buffer, answer: DnsAnswer): Buffer | undefined {
  if (answer === 'silence') return undefined;
  const question = query.subarray(12, nameEnd(query) + 4);
  const addresses = typeof answer === 'string' ? [] : answer;
  const code = typeof answer === 'string' && answer !== 'garbage' ? RESPONSE_CODES[answer] : 0;
  const header = Buffer.alloc(12);
  query.copy(header, 0, 0, 2);
  header.writeUInt16BE(0x8180 | code, 2);
  header.writeUInt16BE(1, 4);
  // Garbage announces an address that does not come.
  header.writeUInt16BE(answer === 'garbage' ? 1 : addresses.length, 6);
  return Buffer.concat([header, question, ...addresses.map(addressRecord)]);
}

/** An A record for the question's name, which is not to be kept for a second. */
function addressRecord(address: string): Buffer {
  const head = Buffer.from([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4]);
  return Buffer.concat([head, Buffer.from(address.split('.').map(Number))]);
}
