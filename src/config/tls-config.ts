import { z } from 'zod';
import { ALWAYS, anyCredential } from './http-fields.ts';

const file = z.string().min(1, 'must not be empty');

/** The versions of TLS that may be the lowest. */
const TLS_VERSIONS = ['1.2', '1.3'] as const;
/** Of a version without quotes, YAML makes a number. */
const minVersion = z.literal([...TLS_VERSIONS, 1.2, 1.3], { error: 'must be "1.2" or "1.3"' });

/** How TLS connections are made; `ca`, `cert` and `key` name files. */
export const tlsSchema = z
  .strictObject({
    ca: file.optional().describe('Authorities to trust instead of the public ones.'),
    cert: file.optional().describe("Waybill's own certificate, with its chain; goes with key."),
    key: file.optional().describe('The private key of cert.'),
    passphrase: anyCredential.optional().describe('What the key is encrypted with.'),
    minVersion: minVersion.default('1.2').describe('The lowest version of TLS: "1.2" or "1.3".'),
  })
  .superRefine((tls, context) => {
    // It may be anything that a file can say.
    const { cert, key, passphrase } = Object(tls) as Partial<typeof tls>;
    const demand = (missing: string, given: string): void =>
      context.addIssue({ code: 'custom', path: [missing], message: `is required if ${given} is given` });
    if (cert === undefined && key !== undefined) demand('cert', 'key');
    if (key === undefined && cert !== undefined) demand('key', 'cert');
    else if (key === undefined && passphrase !== undefined) demand('key', 'passphrase');
  }, ALWAYS);

/** A section `tls` with its defaults filled in. */
export type TlsConfig = z.infer<typeof tlsSchema>;
/** A version of TLS. */
export type TlsVersion = (typeof TLS_VERSIONS)[number];
