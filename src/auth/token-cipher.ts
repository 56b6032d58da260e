import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto';

/** Writes and reads what stands in Redis under a key; the key's name is a part of what is authenticated. */
export interface TokenCipher {
  seal(text: string, keyName: string): string;
  /** Undefined: it was not sealed with this secret under this name, or was changed since. */
  open(stored: string, keyName: string): string | undefined;
}

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

/** A cipher (AES-256-GCM) whose key is derived from a secret of any length, when it is used first. */
export function createTokenCipher(secret: string): TokenCipher {
  let derived: Buffer | undefined;
  const key = (): Buffer => {
    derived ??= scryptSync(secret, SALT, KEY_BYTES, SCRYPT);
    return derived;
  };
  return {
    seal(text, keyName) {
      const nonce = randomBytes(NONCE_BYTES);
      const cipher = createCipheriv(ALGORITHM, key(), nonce).setAAD(Buffer.from(keyName));
      const sealed = Buffer.concat([nonce, cipher.update(text, 'utf8'), cipher.final()]);
      return PREFIX + Buffer.concat([sealed, cipher.getAuthTag()]).toString('base64');
    },
    open(stored, keyName) {
      if (!stored.startsWith(PREFIX)) return undefined;
      const bytes = Buffer.from(stored.slice(PREFIX.length), 'base64');
      if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined;
      const tagStart = bytes.length - TAG_BYTES;
      const decipher = createDecipheriv(ALGORITHM, key(), bytes.subarray(0, NONCE_BYTES), {
        authTagLength: TAG_BYTES,
      });
      decipher.setAAD(Buffer.from(keyName)).setAuthTag(bytes.subarray(tagStart));
      try {
        return (
          decipher.update(bytes.subarray(NONCE_BYTES, tagStart), undefined, 'utf8') + decipher.final('utf8')
        );
      } catch {
        return undefined;
      }
    },
  };
}
