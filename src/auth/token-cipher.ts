import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';

/** Names the form, so that another one can follow. */
const PREFIX = 'wb1:';
const ALGORITHM = 'aes-256-gcm';
const KEY_BYTES = 32;
/** What NIST SP 800-38D takes for random ones; tokens are far too few for two to be the same. */
const NONCE_BYTES = 12;
const TAG_BYTES = 16;
/** Fixed, since all processes have to come to the same key; the secret is nobody else's. */
const SALT = 'waybill token cipher 1';
/** About 50 ms, once in a process: what somebody chose by hand is to be costly to guess. */
const SCRYPT = { N: 16_384, r: 8, p: 1 };

/** Seals what stands in Redis under a key (AES-256-GCM); the key's name is a part of what is authenticated. */
export class TokenCipher {
  readonly #secret: string;
  #derived: Buffer | undefined;

  /** @param secret of any length; the cipher's key is derived from it when it is used first */
  constructor(secret: string) {
    this.#secret = secret;
  }

  seal(text: string, keyName: string): string {
    const nonce = randomBytes(NONCE_BYTES);
    const cipher = createCipheriv(ALGORITHM, this.#key(), nonce).setAAD(Buffer.from(keyName));
    const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final()]);
    return PREFIX + Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64');
  }

  /** Undefined: it was not sealed with this secret under this name, or was changed since. */
  open(stored: string, keyName: string): string | undefined {
    if (!stored.startsWith(PREFIX)) return undefined;
    const bytes = Buffer.from(stored.slice(PREFIX.length), 'base64');
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
    const nonce = bytes.subarray(0, NONCE_BYTES);
    const decipher = createDecipheriv(ALGORITHM, this.#key(), nonce, { authTagLength: TAG_BYTES });
    decipher.setAAD(Buffer.from(keyName)).setAuthTag(bytes.subarray(-TAG_BYTES));
    try {
      const sealed = bytes.subarray(NONCE_BYTES, -TAG_BYTES);
      return decipher.update(sealed, undefined, 'utf8') + decipher.final('utf8');
    } catch {
      return undefined;
    }
  }

  #key(): Buffer {
    this.#derived ??= scryptSync(this.#secret, SALT, KEY_BYTES, SCRYPT);
    return this.#derived;
  }
}
