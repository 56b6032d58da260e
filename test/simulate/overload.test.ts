import { holdToBounds } from './hold-to-bounds.ts';
import { OVERLOAD } from './scenarios/overload.ts';

holdToBounds(OVERLOAD);
