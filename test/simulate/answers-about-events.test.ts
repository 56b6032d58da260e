import { holdToBounds } from './hold-to-bounds.ts';
import { ANSWERS_ABOUT_EVENTS } from './scenarios/answers-about-events.ts';

holdToBounds(ANSWERS_ABOUT_EVENTS);
