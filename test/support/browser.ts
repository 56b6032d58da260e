import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import { onTestFinished } from 'vitest';
import { testDirectory } from './waybill-process.ts';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const PLACES = (process.env.PATH ?? '').split(delimiter);
const BROWSER = NAMES.flatMap((name) => PLACES.map((place) => join(place, name))).find(existsSync);

/** It runs as root in a container, has no graphics, and is to talk to nobody. */
const FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];

/** Why no page can be looked at here, which is printed as well; undefined where one can. */
export function whyNoBrowser(): string | undefined {
  if (BROWSER !== undefined) return undefined;
  const reason = 'Chromium is not installed (on Debian: apt-get install chromium)';
  process.stderr.write(`skipped: the tests that look at pages: ${reason}\n`);
  return reason;
}

/** An empty page in a browser of its own, which is gone when the test is over. */
export async function openPage(): Promise<Page> {
  const profile = testDirectory();
  const options = { executablePath: BROWSER ?? '', headless: true, args: FLAGS, timeout: 90_000 };
  const context = await chromium.launchPersistentContext(profile, options);
  onTestFinished(() => context.close());
  return context.pages()[0] ?? context.newPage();
}
