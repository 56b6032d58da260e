import { serve } from './child.ts';
import { submitEvents } from './contenders/intake.ts';
import type { IntakeCommands, Places } from './protocol.ts';

/*
 * The process that takes events in: `intake-process.js intake <places as JSON>`.
 */

const places = JSON.parse(process.argv[3] ?? '') as Places;

serve<IntakeCommands>({ submit: (total) => submitEvents(places, total) });
