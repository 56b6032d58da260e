/** The oldest Redis that Waybill works with: BullMQ asks for it. */
export const OLDEST_VERSION: readonly [major: number, minor: number] = [6, 2];

/** Whether a version such as `7.0.15` is recent enough; an unreadable one is not. */
export function isSupportedVersion(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major > OLDEST_VERSION[0] || (major === OLDEST_VERSION[0] && minor >= OLDEST_VERSION[1]);
}
