import { randomUUID } from 'node:crypto';
import type { ResolvedClient } from '../config/config-schema.ts';
import type { SmtpConfig } from '../config/smtp-config.ts';
import type { ReportWithUnits } from './make-report.ts';
import { reportTitle } from './report-markdown.ts';

/** Mails a report to an address, with the list of units attached. @throws MailError */
export async function mailReport(
  smtp: SmtpConfig,
  { name, contact }: ResolvedClient,
  report: ReportWithUnits,
  address: string,
): Promise<void> {
  // They load a library that few commands want.
  const { reportMail } = await import('./mail-channel.ts');
  const { sendMail } = await import('./send-mail.ts');
  const called = address === contact?.email ? contact?.name : undefined;
  const to = [called === undefined ? { address } : { name: called, address }];
  await sendMail(smtp, await reportMail(report, { id: randomUUID(), to, subject: reportTitle(name) }));
}
