import { chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { CHROMIUM, CHROMIUM_FLAGS } from './chromium.ts';
import { testDirectory } from './waybill-process.ts';

/** Why no page can be looked at here, which is printed as well; undefined where one can. */
export function whyNoBrowser(): string | undefined {
  if (CHROMIUM !== undefined) return undefined;
  const reason = 'Chromium is not installed (on Debian: apt-get install chromium)';
  process.stderr.write(`skipped: the tests that look at pages: ${reason}\n`);
  return reason;
}

/** An empty page in a browser of its own, which is gone when the test is over. @param flags of the browser, further ones */
export async function openPage(...flags: string[]): Promise<Page> {
  const profile = testDirectory();
  const options = {
    executablePath: CHROMIUM ?? '',
    headless: true,
    args: [...CHROMIUM_FLAGS, ...flags],
    timeout: 90_000,
  };
  const context = await chromium.launchPersistentContext(profile, options);
  onTestFinished(() => context.close());
  return context.pages()[0] ?? context.newPage();
}
