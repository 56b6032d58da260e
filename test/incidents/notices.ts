import type { IncidentNotice } from '../../src/core/incident.ts';

/** An incident that opened with 1,200 dead letters at once. */
export const OPENED: IncidentNotice = {
  id: 'acme.disposition_update.5000.opened.1200',
  kind: 'opened',
  at: 6_000,
  incident: {
    client: 'acme',
    type: 'disposition_update',
    cause: 'died',
    openedAt: 5_000,
    failingSince: 1_000,
    lastAt: 5_500,
    count: 1_200,
    diedAgain: 0,
    left: 1_199,
    failures: [
      { class: 'client_error', status: 422, count: 1_000 },
      { class: 'timeout', status: 0, count: 200 },
    ],
    state: 'open',
    stateSince: 0,
    downFrom: 0,
    waiting: 30,
  },
};
