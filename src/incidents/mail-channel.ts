import { createHash } from 'node:crypto';
import { AbortError } from 'p-retry';
import type { Mailbox, SmtpConfig } from '../config/smtp-config.ts';
import type { IncidentNotice } from '../core/incident.ts';
import { eventsOf, headingOf, textOf } from './describe-notice.ts';
import type { ReportWithUnits } from './make-report.ts';
import { block } from './markdown-text.ts';
import {
  channelName,
  type NoticeChannel,
  type NoticeResult,
  type NoticeRetry,
  Refusal,
  sendUntilTaken,
} from './notice-channel.ts';
import { reportMarkdown } from './report-markdown.ts';
import { type Mail, MailError, sendMail } from './send-mail.ts';

const ID_DIGITS = 32;

/** Whom notices are mailed to, and how. */
export interface MailChannelParts {
  readonly smtp: SmtpConfig;
  readonly to: readonly Mailbox[];
  /** The client whose contact this is; absent: it is told of all clients, with the notice above each report. */
  readonly client?: string;
  readonly retry: NoticeRetry;
  /** Makes the report of a notice's incident. */
  makeReport(notice: IncidentNotice): Promise<ReportWithUnits>;
}

/** A channel that mails the report of each incident. */
export class MailChannel implements NoticeChannel {
  readonly name: string;
  readonly client?: string;
  readonly #parts: MailChannelParts;

  constructor(parts: MailChannelParts) {
    const { smtp, to, client } = parts;
    const kind = client === undefined ? 'email' : 'contact';
    this.name = channelName(kind, smtp.host, [to.map(({ address }) => address), client]);
    if (client !== undefined) this.client = client;
    this.#parts = parts;
  }

  send(notice: IncidentNotice, signal: AbortSignal): Promise<NoticeResult> {
    const { smtp, retry } = this.#parts;
    let mail: Mail | undefined;
    let left: readonly string[] | undefined;
    const post = async (): Promise<void> => {
      mail ??= await this.#mailOf(notice);
      try {
        await sendMail(smtp, mail, signal, left);
      } catch (error) {
        if (!(error instanceof MailError)) throw error;
        left = error.left;
        const refusal = new Refusal(error.message, error.code);
        throw error.mayPass ? refusal : new AbortError(refusal);
      }
    };
    return sendUntilTaken(post, retry, signal);
  }

  async #mailOf(notice: IncidentNotice): Promise<Mail> {
    const { to, client, makeReport } = this.#parts;
    const made = await makeReport(notice);
    const id = createHash('sha256')
      .update(JSON.stringify([notice.id, this.name]))
      .digest('hex')
      .slice(0, ID_DIGITS);
    const heading = headingOf(notice);
    return client === undefined
      ? reportMail(made, { id, to, subject: `Waybill: ${heading}`, lead: textOf(notice) })
      : reportMail(made, { id, to, subject: heading });
  }

  /** Each mail has a connection of its own. */
  async close(): Promise<void> {}
}

/** Writes a report as a mail, with the list of units attached. @param lead stands above the report */
export async function reportMail(
  { report, units }: ReportWithUnits,
  { lead, ...head }: Pick<Mail, 'id' | 'to' | 'subject'> & { readonly lead?: string },
): Promise<Mail> {
  // Only here is it needed: whoever sends no mail would pay for loading it.
  const { reportPage } = await import('./report-html.ts');
  const filename = `${report.client}-units.csv`;
  const cut = units.listed < units.count ? `the oldest ${units.listed.toLocaleString('en-US')} of ` : '';
  const list = `The attached ${filename} lists ${cut}${eventsOf(units.count)} by unit.`;
  const body = units.count === 0 ? reportMarkdown(report) : `${reportMarkdown(report)}\n${list}\n`;
  return {
    ...head,
    text: lead === undefined ? body : `${lead}\n\n${body}`,
    // Plots would be cut out of a mail.
    html: reportPage(head.subject, lead === undefined ? body : `${block(lead)}\n\n${body}`),
    attachments: units.count === 0 ? [] : [{ filename, content: units.text }],
  };
}
