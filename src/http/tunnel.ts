import { request } from 'node:http';
import { isIP, type LookupFunction, type Socket } from 'node:net';
import type { buildConnector } from 'undici';
import type { ProxyServer } from '../config/proxy-routes.ts';
import { hostPort, withoutBrackets } from '../core/host-port.ts';
import { createMask, secretsOfHeader } from '../core/mask-secrets.ts';
import { VERSION } from '../version.ts';
import { ADDRESS_REFUSED } from './address-guard.ts';

/** A socket that is being opened, or is open. */
export interface Opening {
  /** Undefined until there is one. */
  readonly socket: Socket | undefined;
  /** The target's address; undefined: it is not known yet, or only to a proxy. */
  readonly address: string | undefined;
  /** What is waited for at a proxy; undefined: nothing is. */
  readonly waitsFor: ProxyWait | undefined;
  /** Closes the socket; there is no callback any more. */
  destroy(): void;
}

/** A step at a proxy. */
export interface ProxyWait {
  /** A connection to the proxy, or its answer to CONNECT. What follows is the target's. */
  readonly step: 'proxy' | 'answer';
  /** The proxy as `host:port`. */
  readonly proxy: string;
  /** What CONNECT names: `address:port`, or `name:port` if the name does not resolve here. */
  readonly target: string;
}

/** There is no tunnel: which step failed, and the answer to CONNECT if there was one. */
export class ProxyFailure extends Error {
  override readonly name = 'ProxyFailure';
  readonly at: ProxyWait;
  /** 0: there was no answer, or one that cannot be read. */
  readonly status: number;
  /** The reason phrase of the answer, if it is worth telling. */
  readonly reason: string;

  constructor(at: ProxyWait, { status = 0, reason = '', cause }: ProxyAnswer) {
    super(`no tunnel through proxy ${at.proxy}`, { cause });
    this.at = at;
    this.status = status;
    this.reason = reason;
  }
}

interface ProxyAnswer {
  readonly status?: number | undefined;
  readonly reason?: string;
  readonly cause?: Error;
}

/** What a tunnel is made with. */
export interface TunnelParts {
  readonly proxy: ProxyServer;
  readonly to: buildConnector.Options;
  /** Resolves the target's name to the addresses that may be connected to. */
  readonly lookup: LookupFunction;
  /** Opens a socket to the proxy. */
  readonly connect: () => Socket;
  /** Begins TLS with the target on the socket. */
  readonly secure: (socket: Socket, callback: buildConnector.Callback) => Socket;
  /** Is shown what comes in before it is read, and may change it. */
  readonly onRead: (bytes: Buffer) => void;
  readonly callback: buildConnector.Callback;
}

/** How long a name may take to resolve here: then the proxy is given the name. Many networks resolve no others'. */
const RESOLVE_MS = 2_000;
const LONGEST_REASON = 60;

/**
 * A connection to a target through a proxy: CONNECT, then TLS if the target's URL is https:. The proxy is given an
 * address that was resolved and checked here, the next one if it answers 5xx; or, if the name does not resolve within
 * 2 s, the name: then the proxy resolves and judges it.
 */
export class Tunnel implements Opening {
  socket: Socket | undefined;
  address: string | undefined;
  waitsFor: ProxyWait | undefined;
  readonly #parts: TunnelParts;
  #resolving: NodeJS.Timeout | undefined;
  /** The callback was called, or is not wanted any more. */
  #isOver = false;

  constructor(parts: TunnelParts) {
    this.#parts = parts;
    const host = withoutBrackets(parts.to.hostname);
    if (isIP(host) === 0) this.#resolve(host);
    else this.#connect([host]);
  }

  destroy(): void {
    this.#isOver = true;
    clearTimeout(this.#resolving);
    this.socket?.destroy();
  }

  #resolve(name: string): void {
    let isLate = false;
    this.#resolving = setTimeout(() => {
      isLate = true;
      this.#connect([name]);
    }, RESOLVE_MS);
    this.#parts.lookup(name, { all: true }, (error, found) => {
      if (this.#isOver) return;
      clearTimeout(this.#resolving);
      if (error?.code === ADDRESS_REFUSED) this.#fail(error);
      else if (isLate) return;
      else if (error !== null) this.#connect([name]);
      else this.#connect((found as { address: string }[]).map(({ address }) => address));
    });
  }

  /** Asks for a tunnel to the first of these hosts; at least one. */
  #connect([host = '', ...others]: readonly string[]): void {
    const { proxy, to, connect } = this.#parts;
    const target = hostPort({ ...to, hostname: host });
    const at = (step: ProxyWait['step']): ProxyWait => ({ step, proxy: proxy.name, target });
    this.address = isIP(host) === 0 ? undefined : host;
    this.waitsFor = at('proxy');
    const socket = connect();
    this.socket = socket;
    socket.once(proxy.secure ? 'secureConnect' : 'connect', () => {
      this.waitsFor = at('answer');
    });
    // Also one that comes once the tunnel stands, below TLS: that has its own.
    socket.on('error', () => {});
    const asked = request({
      method: 'CONNECT',
      path: target,
      headers: {
        host: target,
        connection: 'keep-alive',
        'user-agent': `waybill/${VERSION}`,
        ...(proxy.authorization !== undefined && { 'proxy-authorization': proxy.authorization }),
      },
      createConnection: () => socket,
    });
    asked.on('error', (cause) => this.#failAt(this.waitsFor ?? at('answer'), { cause }));
    asked.once('connect', ({ statusCode: status = 0, statusMessage = '' }, _, rest: Buffer) => {
      if (this.#isOver) return;
      // Neither HTTP nor TLS lets a server speak first.
      if (status >= 200 && status < 300 && rest.length === 0) return this.#begin(socket);
      socket.destroy();
      if (status >= 500 && others.length > 0) return this.#connect(others);
      this.#failAt(at('answer'), { status, reason: this.#toReason(statusMessage) });
    });
    asked.end();
  }

  /** The tunnel stands. */
  #begin(socket: Socket): void {
    const { to, onRead, callback, secure } = this.#parts;
    this.waitsFor = undefined;
    if (to.protocol !== 'https:') {
      showReads(socket, onRead);
      this.#isOver = true;
      callback(null, socket);
      return;
    }
    const secured = secure(socket, (error, _) => {
      if (this.#isOver) return;
      if (error !== null) this.#fail(error);
      else {
        this.#isOver = true;
        callback(null, secured);
      }
    });
    this.socket = secured;
    showReads(secured, onRead);
  }

  #failAt(at: ProxyFailure['at'], answer: ProxyAnswer): void {
    this.#fail(new ProxyFailure(at, answer));
  }

  #fail(error: Error): void {
    if (this.#isOver) return;
    this.destroy();
    this.#parts.callback(error, null);
  }

  /** Printable and short; nothing if it holds what we sent, however it is written. */
  #toReason(phrase: string): string {
    const { authorization = '' } = this.#parts.proxy;
    const mask = createMask(secretsOfHeader(authorization));
    // Node reads each byte as a character.
    const isSecret = [phrase, Buffer.from(phrase, 'latin1').toString()].some((text) => mask(text) !== text);
    if (isSecret) return '';
    return phrase
      .replace(/[^\x20-\x7e]+/g, ' ')
      .trim()
      .slice(0, LONGEST_REASON);
  }
}

/** A socket that was connected before takes no `onread`: what Node puts into it is looked at instead. */
function showReads(socket: Socket, onRead: TunnelParts['onRead']): void {
  const push = socket.push.bind(socket);
  socket.push = (chunk: Buffer | null) => {
    if (chunk !== null) onRead(chunk);
    return push(chunk);
  };
}
