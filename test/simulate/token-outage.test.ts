import { holdToBounds } from './hold-to-bounds.ts';
import { TOKEN_OUTAGES } from './scenarios/token-outage.ts';

holdToBounds(TOKEN_OUTAGES);
