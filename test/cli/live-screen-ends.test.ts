import { expect, test } from 'vitest';
import { canMakeTerminals, startScript } from '../support/pseudo-terminal.ts';
import { testDirectory } from '../support/waybill-process.ts';

const LIVE_SCREEN = new URL('../../dist/src/cli/live-screen.js', import.meta.url).href;

/** Draws a line in a terminal, and then goes on, or does what is asked for. */
function drawIn(then: string) {
  const program = `const { createLiveScreen } = await import('${LIVE_SCREEN}');
    createLiveScreen(process.stdout).draw(['drawn']);
    setTimeout(() => { ${then} }, 200);
    setInterval(() => {}, 1000);`;
  return startScript(`"${process.execPath}" --input-type=module -e "${program}"`, testDirectory());
}

test.skipIf(!canMakeTerminals())(
  'Ctrl-C ends a program that only draws, and the cursor is back',
  async () => {
    const terminal = drawIn('');
    await terminal.shows(/^drawn$/);
    expect(terminal.cursorShown()).toBe(false);
    terminal.type('\u0003');
    expect(await terminal.exit).not.toBe(0);
    expect(terminal.cursorShown()).toBe(true);
  },
);

test.skipIf(!canMakeTerminals())('an error that ends a program gives the cursor back', async () => {
  const terminal = drawIn(`throw new Error('broken')`);
  expect(await terminal.exit).toBe(1);
  expect(terminal.rows().join('\n')).toContain('Error: broken');
  expect(terminal.cursorShown()).toBe(true);
});
