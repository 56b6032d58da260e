import { holdToBounds } from './hold-to-bounds.ts';
import { STEADY_FAILURES } from './scenarios/steady-failures.ts';

holdToBounds(STEADY_FAILURES);
