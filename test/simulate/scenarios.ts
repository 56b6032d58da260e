import type { Scenario } from './scenario.ts';
import { OVERLOAD } from './scenarios/overload.ts';
import { STEADY_FAILURES } from './scenarios/steady-failures.ts';

/** Every case that is held to something. */
export const SCENARIOS: readonly Scenario[] = [...OVERLOAD, ...STEADY_FAILURES];
