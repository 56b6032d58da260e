import type { HttpChannel } from '../config/incidents-config.ts';
import { type IncidentNotice, incidentId, incidentValue } from '../core/incident.ts';
import { failuresOf, headingOf, momentOf, textOf } from './describe-notice.ts';

/** A request's body with its type. */
export interface NoticeBody {
  readonly contentType: string;
  readonly body: string;
}

/** Writes a notice in a channel's format. */
export function noticeBody(channel: HttpChannel, notice: IncidentNotice): NoticeBody {
  switch (channel.format) {
    case 'slack':
      return json({ text: escapeSlack(textOf(notice)) });
    case 'teams':
      return json(teamsMessage(notice));
    case 'json':
      return json(noticeValue(notice));
    case 'text':
      return { contentType: 'text/plain; charset=utf-8', body: `${textOf(notice)}\n` };
    case 'pagerduty':
      return json(pagerDutyEvent(notice, channel.routingKey));
  }
}

function json(value: unknown): NoticeBody {
  return { contentType: 'application/json', body: JSON.stringify(value) };
}

/** A notice for machines: what happened, and the incident as `waybill incidents --json` writes it. */
function noticeValue(notice: IncidentNotice) {
  const { id, kind, at, incident } = notice;
  return {
    id,
    event: `incident.${kind}`,
    at: new Date(at).toISOString(),
    text: textOf(notice),
    incident: incidentValue(incident),
  };
}

/** Slack takes these three for its own markup. https://docs.slack.dev/messaging/formatting-message-text */
function escapeSlack(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}

/** What the Teams webhook of a Workflow takes: a message with an adaptive card. */
function teamsMessage(notice: IncidentNotice) {
  const { incident } = notice;
  const facts = [
    { title: 'Client', value: incident.client },
    { title: 'Event type', value: incident.type },
    { title: 'Failing since', value: momentOf(incident.failingSince) },
    { title: 'Given up on', value: incident.count.toLocaleString('en-US') },
    { title: 'Waiting', value: incident.waiting.toLocaleString('en-US') },
    { title: 'Failures', value: failuresOf(incident) || 'no event was given up on yet' },
  ];
  const content = {
    $schema: 'http://adaptivecards.io/schemas/adaptive-card.json',
    type: 'AdaptiveCard',
    version: '1.4',
    fallbackText: textOf(notice),
    body: [
      {
        type: 'TextBlock',
        text: `Waybill: ${headingOf(notice)}`,
        weight: 'Bolder',
        size: 'Medium',
        wrap: true,
      },
      { type: 'FactSet', facts },
    ],
  };
  const contentType = 'application/vnd.microsoft.card.adaptive';
  return { type: 'message', attachments: [{ contentType, contentUrl: null, content }] };
}

/** PagerDuty's Events API v2: one alert for an incident, resolved when it closes. */
function pagerDutyEvent(notice: IncidentNotice, routingKey: string) {
  const { kind, incident } = notice;
  return {
    routing_key: routingKey,
    event_action: kind === 'closed' ? 'resolve' : 'trigger',
    dedup_key: incidentId(incident),
    payload: {
      summary: `Waybill: ${headingOf(notice)}`,
      source: incident.client,
      component: incident.type,
      severity: 'error',
      timestamp: new Date(notice.at).toISOString(),
      custom_details: incidentValue(incident),
    },
  };
}
