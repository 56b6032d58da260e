import { connect, type Socket } from 'node:net';
import type { NodemailerError } from 'nodemailer';
import { type Mailbox, type SmtpConfig, toMailbox } from '../config/smtp-config.ts';
import { inBrackets, isLoopback } from '../core/host-port.ts';
import { createMask } from '../core/mask-secrets.ts';
import { TLS_WORDS } from '../core/tls-cause.ts';
import { WaybillError } from '../core/waybill-error.ts';
import { describeFailure, explainError } from '../http/describe-failure.ts';
import { oneLine } from './markdown-text.ts';

/** A mail, as text and as HTML. */
export interface Mail {
  /** The same however often it is sent: becomes its Message-ID. */
  readonly id: string;
  readonly to: readonly Mailbox[];
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly attachments: readonly { readonly filename: string; readonly content: string }[];
}

/** Why a mail was not sent, or not to all: `MAIL_SERVER_UNAVAILABLE`, `MAIL_TLS_FAILED` … */
export class MailError extends WaybillError {
  /** Whether it may be taken if it is sent again. */
  readonly mayPass: boolean;
  /** The addresses that it was not taken for; the others have it. */
  readonly left: readonly string[];

  constructor({ code, message, mayPass = true, left = [] }: MailFailure, options?: ErrorOptions) {
    super(code, message, options);
    this.name = 'MailError';
    this.mayPass = mayPass;
    this.left = left;
  }
}

interface MailFailure {
  readonly code: string;
  readonly message: string;
  readonly mayPass?: boolean;
  readonly left?: readonly string[];
}

/** How long one address of a name may take to connect. */
const EACH_ADDRESS = { autoSelectFamily: true, autoSelectFamilyAttemptTimeout: 2_000 };
const CLOSE_MS = 1_000;
const SHOWN_CHARACTERS = 200;
const SMTPS_PORT = 465;

/**
 * Sends a mail by SMTP, on a connection of its own.
 *
 * @param left who has not got it yet; default: all of `mail.to`
 * @throws MailError; the signal's reason
 */
export async function sendMail(
  smtp: SmtpConfig,
  mail: Mail,
  signal?: AbortSignal,
  left: readonly string[] = mail.to.map(({ address }) => address),
): Promise<void> {
  const { createTransport } = await import('nodemailer');
  // A limit of its own, not `AbortSignal.any`, which holds on to long-lived sources.
  const limit = new AbortController();
  const end = (): void => limit.abort();
  const timer = setTimeout(end, smtp.timeoutMs);
  signal?.addEventListener('abort', end, { once: true });
  try {
    signal?.throwIfAborted();
    const transport = createTransport(transportOf(smtp, limit.signal));
    const sent = await transport.sendMail(messageOf(smtp, mail, left, limit.signal));
    const { rejected, rejectedErrors = [] } = sent;
    const error = rejectedErrors.find(({ permanent }) => permanent !== true) ?? rejectedErrors[0];
    if (error !== undefined) throw Object.assign(error, { rejected });
  } catch (error) {
    signal?.throwIfAborted();
    throw toMailError(error as NodemailerError, smtp, { isTimeUp: limit.signal.aborted, left });
  } finally {
    clearTimeout(timer);
    signal?.removeEventListener('abort', end);
  }
}

type OnSocket = (error: Error | null, found?: { connection: Socket }) => void;

function transportOf(smtp: SmtpConfig, signal: AbortSignal) {
  const { host, port, secure, user, password, timeoutMs } = smtp;
  const hasPassword = user !== undefined && password !== undefined;
  const longer = 2 * timeoutMs;
  return {
    ...{ host, port, secure },
    requireTLS: hasPassword && !secure && !isLoopback(host),
    tls: { rejectUnauthorized: true, minVersion: 'TLSv1.2' as const },
    // Its own limits are not to come before ours.
    ...{ connectionTimeout: longer, greetingTimeout: longer, socketTimeout: longer },
    socketCloseTimeout: CLOSE_MS,
    ...{ disableFileAccess: true, disableUrlAccess: true },
    // A server that takes no password is not given the mail without one.
    ...(hasPassword && { auth: { user, pass: password }, forceAuth: true }),
    // Nodemailer's own resolver passes over /etc/hosts.
    getSocket(_: unknown, callback: OnSocket): void {
      const connection = connect({ host, port, signal, ...EACH_ADDRESS });
      connection.once('error', callback);
      connection.once('connect', () => {
        connection.off('error', callback);
        callback(null, { connection });
      });
    },
  };
}

/** Whatever comes from elsewhere is in one line in a header. Addresses were checked; nothing takes them apart again. */
function messageOf(smtp: SmtpConfig, mail: Mail, left: readonly string[], signal: AbortSignal) {
  const from = toMailbox(smtp.from);
  const addressee = ({ name = '', address }: Mailbox) => ({ name: oneLine(name), address });
  return {
    from: addressee(from),
    to: mail.to.map(addressee),
    envelope: { from: from.address, to: [...left] },
    messageId: `<${mail.id}@${from.address.split('@').at(-1)}>`,
    subject: oneLine(mail.subject),
    text: mail.text,
    html: mail.html,
    attachments: mail.attachments.map((file) => ({ ...file, contentType: 'text/csv; charset=utf-8' })),
    // Nobody's holiday is to be answered with (RFC 3834, section 5).
    headers: { 'Auto-Submitted': 'auto-generated' },
    signal,
  };
}

function toMailError(
  error: NodemailerError,
  smtp: SmtpConfig,
  { isTimeUp, left }: { isTimeUp: boolean; left: readonly string[] },
): MailError {
  if (isTimeUp) return new MailError({ ...lateness(smtp), left }, { cause: error });
  const failure = error.response ? refusal(error, smtp) : breakdown(error, smtp);
  return new MailError({ ...failure, left: error.rejected ?? left }, { cause: error });
}

function lateness({ timeoutMs, port, secure, ...smtp }: SmtpConfig): MailFailure {
  const hint = port === SMTPS_PORT && !secure ? '; port 465 takes smtp.secure: true' : '';
  const message = `${placeOf({ ...smtp, port })} did not take the mail within ${timeoutMs} ms${hint}`;
  return { code: 'MAIL_SERVER_UNAVAILABLE', message };
}

function placeOf({ host, port }: Pick<SmtpConfig, 'host' | 'port'>): string {
  return `${inBrackets(host)}:${port}`;
}

/** What a server's answer means; what it says is shown without the password. */
function refusal(error: NodemailerError, smtp: SmtpConfig): MailFailure {
  const { code, command, response = '', responseCode = 0 } = error;
  const where = placeOf(smtp);
  const masked = oneLine(createMask([smtp.password ?? ''])(response));
  const said = masked.length > SHOWN_CHARACTERS ? `${masked.slice(0, SHOWN_CHARACTERS)}…` : masked;
  const mayPass = error.permanent !== true;
  if (code === 'ETLS') {
    const message = `${where} does not do STARTTLS, and no password is sent without it: ${said}`;
    return { code: 'MAIL_TLS_FAILED', message };
  }
  if (code === 'EAUTH') {
    return {
      code: 'MAIL_AUTH_REFUSED',
      message: `${where} refused smtp.user and smtp.password: ${said}`,
      mayPass,
    };
  }
  if (code === 'EENVELOPE' || code === 'EMESSAGE') {
    const what = REFUSED_THINGS[command ?? ''] ?? 'the mail';
    return { code: 'MAIL_REFUSED', message: `${where} refused ${what}: ${said}`, mayPass };
  }
  const message = responseCode === 0 ? `${where} is no mail server: ${said}` : `${where} answered ${said}`;
  return { code: 'MAIL_SERVER_UNAVAILABLE', message };
}

const REFUSED_THINGS: Readonly<Record<string, string>> = {
  'MAIL FROM': 'the sender',
  'RCPT TO': 'the recipient',
};

/** Why there was no answer. */
function breakdown(error: NodemailerError, smtp: SmtpConfig): MailFailure {
  const where = placeOf(smtp);
  // Nodemailer puts its own code in the place of Node's.
  const why = explainError(
    Object.assign(new Error(error.message), { code: error.originalCode ?? error.code }),
  );
  const isTls = why.failureClass === 'tls' || error.code === 'ETLS';
  if (why.words === TLS_WORDS.plain_text) {
    const message = `${where} does not begin with TLS: leave out smtp.secure, or take port 465`;
    return { code: 'MAIL_TLS_FAILED', message };
  }
  const message = describeFailure(why, where, smtp.timeoutMs, isTls ? 'handshake' : 'written');
  return { code: isTls ? 'MAIL_TLS_FAILED' : 'MAIL_SERVER_UNAVAILABLE', message };
}
