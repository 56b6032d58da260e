import { holdToBounds } from './hold-to-bounds.ts';
import { OUTAGES } from './scenarios/outages.ts';

holdToBounds(OUTAGES);
