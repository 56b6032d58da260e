import type { Scenario } from './scenario.ts';
import { ANSWERS_ABOUT_EVENTS } from './scenarios/answers-about-events.ts';
import { NOTHING_SUCCEEDS } from './scenarios/nothing-succeeds.ts';
import { OUTAGES } from './scenarios/outages.ts';
import { OVERLOAD } from './scenarios/overload.ts';
import { STEADY_FAILURES } from './scenarios/steady-failures.ts';
import { TOKEN_OUTAGES } from './scenarios/token-outage.ts';

/** Every case that is held to something. */
export const SCENARIOS: readonly Scenario[] = [
  ...OVERLOAD,
  ...STEADY_FAILURES,
  ...OUTAGES,
  ...ANSWERS_ABOUT_EVENTS,
  ...NOTHING_SUCCEEDS,
  ...TOKEN_OUTAGES,
];
