import { holdToBounds } from './hold-to-bounds.ts';
import { NOTHING_SUCCEEDS } from './scenarios/nothing-succeeds.ts';

holdToBounds(NOTHING_SUCCEEDS);
