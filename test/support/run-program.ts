/** A line for people who wait; what a program prints for good goes to stdout. */
export function progress(line: string): void {
  process.stderr.write(`${line}\n`);
}

/** Runs a program of the project's own: exit code 2 where its command line cannot be read, 1 where it breaks. */
export async function runProgram<Options>(
  what: string,
  usage: string,
  readOptions: () => Options,
  run: (options: Options) => Promise<void>,
): Promise<void> {
  let options: Options;
  try {
    options = readOptions();
  } catch (error) {
    progress(`${error instanceof Error ? error.message : String(error)}\n${usage}`);
    process.exitCode = 2;
    return;
  }
  try {
    await run(options);
  } catch (error) {
    progress(`${what} broke: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
    process.exitCode = 1;
  }
}
