import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { certificatesIn } from '../../config/certificates.ts';
import { makeSelfSigned } from '../../sandbox/self-signed.ts';
import { UsageError } from '../run-command.ts';

const FILE = 'sandbox-ca.pem';
const NAME = 'Waybill sandbox';

/** Makes what a sandbox speaks HTTPS with, also to those who reach it by a name of this machine. */
export function makeCertificate(host: string) {
  const hosts = new Set(['localhost', '127.0.0.1', '::1', host]);
  return makeSelfSigned(NAME, [...hosts], Date.now());
}

/**
 * Writes the certificate into the present directory, where a configuration can name it. That of an earlier sandbox
 * is replaced: a running service then takes the new one by itself.
 *
 * @returns the file
 * @throws UsageError if it cannot be written, or is something else
 */
export function saveCertificate(cert: string): string {
  const file = resolve(FILE);
  try {
    const isOwn = !existsSync(file) || certificatesIn(readFileSync(file, 'utf8'))[0]?.subject === NAME;
    if (!isOwn) throw new UsageError(`${file} is not the certificate of a sandbox; it was left as it is`);
    writeFileSync(file, cert);
    return file;
  } catch (error) {
    if (error instanceof UsageError) throw error;
    throw new UsageError(`${file} cannot be written (${(error as NodeJS.ErrnoException).code})`);
  }
}
