import { existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

const NAMES = ['chromium', 'chromium-browser', 'google-chrome'];
const PLACES = (process.env.PATH ?? '').split(delimiter);

/** The browser of this machine; undefined: it has none. */
export const CHROMIUM = NAMES.flatMap((name) => PLACES.map((place) => join(place, name))).find(existsSync);

/** It runs as root in a container, has no graphics, and is to talk to nobody. */
export const CHROMIUM_FLAGS = [
  '--no-sandbox',
  '--disable-gpu',
  '--disable-dev-shm-usage',
  '--disable-quic',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
];
