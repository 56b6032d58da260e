/** Now, in ms with their fractions, of a clock that all processes of a machine share. */
export function sharedNow(): number {
  return performance.timeOrigin + performance.now();
}
