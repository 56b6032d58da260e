import { isIP } from 'node:net';
import { z } from 'zod';
import type { ConfigIssue } from './config-error.ts';
import { anyCredential, textFor, whyLineBreak } from './http-fields.ts';

/** Whom mail is from or to. */
export interface Mailbox {
  readonly name?: string;
  readonly address: string;
}

/** An email address without a name. */
export const mailAddress = z.email({ error: 'must be an email address' });

const HOST_NAME = /^[a-z0-9](?:[a-z0-9._-]{0,251}[a-z0-9])?$/i;
const MAILBOX = /^(?:(?<name>[^<>\p{Cc}]*[^<>\p{Cc}\s]) )?<(?<address>[^<>\s]+)>$/u;

/** Reads `waybill@acme.example` or `Acme Returns <waybill@acme.example>`. */
export function toMailbox(text: string): Mailbox {
  const { name, address = text } = MAILBOX.exec(text)?.groups ?? {};
  return name === undefined ? { address } : { name: name.replace(/^"(.*)"$/, '$1'), address };
}

/** The server that mail is sent by. */
export const smtpConfigSchema = z.strictObject({
  host: textFor((host) =>
    HOST_NAME.test(host) || isIP(host) !== 0
      ? undefined
      : (whyLineBreak(host) ?? 'must be the name or address of a host, such as mail.acme.example'),
  ).describe('The mail server. It may be on a private network.'),
  port: z.int().min(1).max(65_535).default(587).describe('Its port. 465 takes secure: true.'),
  secure: z
    .boolean()
    .default(false)
    .describe(
      'Whether TLS begins with the first byte. Without it by STARTTLS if the server offers that; with a password it must, unless host is loopback. Its certificate is verified.',
    ),
  user: anyCredential.optional().describe('Who signs in. Without it nobody does.'),
  password: anyCredential.optional().describe('The password of user.'),
  from: textFor((text) =>
    mailAddress.safeParse(toMailbox(text).address).success
      ? undefined
      : (whyLineBreak(text) ?? 'must be an email address, or Name <address>'),
  ).describe('Whom mail is from: an address, or Name <address>.'),
  timeoutMs: z
    .int()
    .min(100)
    .max(600_000)
    .default(30_000)
    .describe('How long one mail may take, from connecting to its acceptance.'),
});

/** The server that mail is sent by, with all defaults filled in. */
export type SmtpConfig = z.infer<typeof smtpConfigSchema>;

type Section = Readonly<Record<string, unknown>>;

function sectionOf(value: unknown): Section {
  return typeof value === 'object' && value !== null ? (value as Section) : {};
}

/**
 * What mail lacks: its server, the other half of a pair of credentials, or an address. Takes a tree with `defaults` in
 * each client that is not known to be valid.
 */
export function findMailIssues(tree: unknown): ConfigIssue[] {
  const { smtp, incidents, clients } = sectionOf(tree);
  const { user, password } = sectionOf(smtp);
  const issues: ConfigIssue[] = [];
  const demand = (keys: readonly PropertyKey[], message: string) => issues.push({ keys, message });
  const demandServer = (keys: readonly PropertyKey[]) => {
    if (smtp === undefined) demand(keys, 'needs the section smtp, the server that mail is sent by');
  };
  if (user !== undefined && password === undefined) demand(['smtp', 'password'], 'is required beside user');
  if (password !== undefined && user === undefined) demand(['smtp', 'user'], 'is required beside password');
  const { notify } = sectionOf(incidents);
  for (const [at, channel] of Array.isArray(notify) ? notify.entries() : []) {
    if (sectionOf(channel)['format'] === 'email') demandServer(['incidents', 'notify', at, 'format']);
  }
  for (const [name, client] of Object.entries(sectionOf(clients))) {
    const contact = sectionOf(sectionOf(client)['contact']);
    if (contact['notify'] !== true) continue;
    const keys = ['clients', name, 'contact'];
    demandServer([...keys, 'notify']);
    if (contact['email'] === undefined) demand([...keys, 'email'], 'is required if notify is true');
  }
  return issues;
}
