/** The first header of that name, which is in lower case; names and values stand in turns. */
export function findHeader(rawHeaders: readonly Buffer[], name: string): string | undefined {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    if (rawHeaders[i]?.toString('latin1').toLowerCase() === name)
      return rawHeaders[i + 1]?.toString('latin1');
  }
  return undefined;
}
