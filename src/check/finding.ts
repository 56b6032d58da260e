import { z } from 'zod';

/** One thing that a check found out. */
export const findingSchema = z
  .object({
    level: z
      .enum(['ok', 'note', 'warning', 'error'])
      .describe('error: events are lost or not delivered; warning: they may be'),
    subject: z.string().describe('what it is about: configuration, redis or clients.<name>'),
    message: z.string().describe('a sentence'),
    class: z
      .string()
      .optional()
      .describe('what kind of finding it is, the same for all clients: a failure class, or a word'),
  })
  .meta({ id: 'CheckFinding' });

/** One thing that a check found out. */
export type CheckFinding = Readonly<z.infer<typeof findingSchema>>;

/** A finding without its subject. */
export type Remark = Omit<CheckFinding, 'subject'>;

/** Says something. */
export function remark(level: Remark['level'], message: string, kind?: string): Remark {
  return { level, message, ...(kind === undefined ? {} : { class: kind }) };
}

/** Says something about a subject. */
export function about(subject: string, remarks: readonly Remark[]): CheckFinding[] {
  return remarks.map(({ level, ...rest }) => ({ level, subject, ...rest }));
}

/** The subject of findings about one client. */
export function clientSubject(client: string): string {
  return `clients.${client}`;
}

/** The findings about the configuration, Redis and these clients, subject by subject; others are left out. */
export function inOrder(
  found: readonly CheckFinding[],
  clients: readonly { readonly name: string }[],
): CheckFinding[] {
  const subjects = ['configuration', 'redis', ...clients.map(({ name }) => clientSubject(name))];
  const bySubject = new Map<string, CheckFinding[]>(subjects.map((subject) => [subject, []]));
  for (const finding of found) bySubject.get(finding.subject)?.push(finding);
  return [...bySubject.values()].flat();
}

/** Whether no finding is an error. */
export function isOk(findings: readonly CheckFinding[]): boolean {
  return findings.every(({ level }) => level !== 'error');
}
