import type { Command } from 'commander';
import { addDeadLetterActions } from './dead-letters-act.ts';
import { addDeadLettersExport } from './dead-letters-export.ts';
import { addDeadLettersList } from './dead-letters-list.ts';
import { addDeadLettersShow } from './dead-letters-show.ts';

/** `waybill dead-letters`: what was given up on, and what to do with it. */
export function addDeadLettersCommand(program: Command): void {
  const group = program
    .command('dead-letters')
    .description('list, show, export, replay or discard the events given up on');
  addDeadLettersList(group);
  addDeadLettersShow(group);
  addDeadLettersExport(group);
  addDeadLetterActions(group);
}
