import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { SMTPServer, type SMTPServerOptions } from 'smtp-server';
import { onTestFinished } from 'vitest';
import { ChangeSignal } from '../../src/sandbox/change-signal.ts';

const WAIT_MS = 60_000;

/** A mail that a server took. */
export interface TakenMail {
  readonly from: string;
  readonly to: readonly string[];
  /** As it came: headers and body. */
  readonly raw: string;
  /** Whether it came by TLS. */
  readonly secure: boolean;
  /** Who signed in. */
  readonly user: string | undefined;
}

/** How a server refuses, by address: the answer's code. */
type Refusals = Readonly<Record<string, number>>;

/** Without TLS; signing in is not asked for. */
export const PLAIN: SMTPServerOptions = { disabledCommands: ['STARTTLS'], authOptional: true };

/** A real SMTP server on a loopback port. It is gone when the test is over. */
export async function mailServer(options: SMTPServerOptions = PLAIN, refusals: Refusals = {}) {
  const mails: TakenMail[] = [];
  const refused = new Map(Object.entries(refusals));
  const signal = new ChangeSignal();
  const server = new SMTPServer({
    onRcptTo({ address }, _session, done) {
      const code = refused.get(address);
      done(code === undefined ? null : refusal(code, `<${address}> is not taken`));
    },
    onData(stream, { envelope, secure, user }, done) {
      const chunks: Buffer[] = [];
      stream.on('data', (chunk: Buffer) => chunks.push(chunk));
      stream.on('end', () => {
        const { mailFrom, rcptTo } = envelope;
        mails.push({
          from: mailFrom === false ? '' : mailFrom.address,
          to: rcptTo.map(({ address }) => address),
          raw: Buffer.concat(chunks).toString('utf8'),
          secure,
          user: typeof user === 'string' ? user : undefined,
        });
        done(null);
        signal.changed();
      });
    },
    ...options,
  });
  server.on('error', () => {});
  // All addresses of this machine, so that one that is not called loopback leads here as well.
  const listening = server.listen(0, '0.0.0.0');
  await once(listening, 'listening');
  onTestFinished(() => new Promise<void>((resolve) => server.close(resolve)));
  return {
    mails,
    /** May be changed. */
    refused,
    port: portOf(listening.address()),
    /** Resolves once so many mails were taken. */
    taken: (count: number) =>
      signal.until(
        () => mails.length >= count,
        WAIT_MS,
        () => `waited ${WAIT_MS} ms for ${count} mails; ${mails.length} were taken`,
      ),
  };
}

/** What a server answers with this code. */
export function refusal(responseCode: number, message: string): Error {
  return Object.assign(new Error(message), { responseCode });
}

/** Accepts whoever gives this password. */
export function signIn(password: string): Pick<SMTPServerOptions, 'onAuth'> {
  return {
    onAuth(auth, _session, done) {
      if (auth.password === password) done(null, { user: auth.username ?? '' });
      else done(refusal(535, `not with ${auth.password}`));
    },
  };
}

/** A server that only does what `serve` does with each connection; it may do nothing at all. */
export async function rawMailServer(serve: (socket: Socket) => void): Promise<{ readonly port: number }> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(async () => {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, 'close');
  });
  return { port: portOf(server.address()) };
}

function portOf(address: ReturnType<ReturnType<typeof createServer>['address']>): number {
  if (address === null || typeof address === 'string') throw new Error('the server does not listen');
  return address.port;
}

/** A part of a mail that holds no others, decoded; lines of a text end in \n. */
export interface MailPart {
  readonly headers: string;
  readonly text: string;
}

/** The parts of a mail, or of a part of one, in their order. */
export function partsOf(raw: string): MailPart[] {
  const end = raw.indexOf('\r\n\r\n');
  const headers = raw.slice(0, end).replace(/\r\n[ \t]+/g, ' ');
  const body = raw.slice(end + 4);
  const boundary = /^content-type: multipart\/.*boundary="?([^";\r\n]+)"?/im.exec(headers)?.[1];
  if (boundary !== undefined) {
    const pieces = body.split(`--${boundary}`).slice(1, -1);
    return pieces.flatMap((piece) => partsOf(piece.replace(/^\r\n/, '').replace(/\r\n$/, '')));
  }
  return [{ headers, text: decoded(body, headers) }];
}

function decoded(body: string, headers: string): string {
  const encoding = /^content-transfer-encoding: (\S+)/im.exec(headers)?.[1]?.toLowerCase();
  if (encoding === 'base64') return Buffer.from(body, 'base64').toString('utf8');
  if (encoding !== 'quoted-printable') return body;
  const bytes = body
    .replace(/=\r\n/g, '')
    .replace(/=([0-9A-F]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
  return Buffer.from(bytes, 'latin1').toString('utf8').replaceAll('\r\n', '\n');
}
