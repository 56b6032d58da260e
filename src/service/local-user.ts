import { hostname, userInfo } from 'node:os';
import type { Actor } from '../core/audit.ts';

/** A name is not kept any longer than this. */
const MOST_CHARACTERS = 100;

/**
 * The user of this process and its machine, for the audit. It is what the machine says, not a proof.
 *
 * @param sudoUser who became root by sudo; other users may say so of themselves, and are not asked
 */
export function localUser(sudoUser?: string): Actor {
  const name = process.getuid?.() === 0 && sudoUser ? sudoUser : userName();
  return { user: name.slice(0, MOST_CHARACTERS), host: hostname().slice(0, MOST_CHARACTERS) };
}

/** A container may run as a user that has no name. */
function userName(): string {
  try {
    return userInfo().username;
  } catch {
    return `uid ${process.getuid?.()}`;
  }
}
