import { describe, expect, test } from 'vitest';
import {
  readAlerts,
  readExpressions,
  readObservability,
  readPanels,
} from '../support/observability-files.ts';
import { parsePromql } from '../support/promql.ts';

describe('PromQL', () => {
  test.each(readExpressions().map((expression) => [expression]))('%s is understood', (expression) => {
    expect(parsePromql(expression).selections.length).toBeGreaterThan(0);
  });

  test.each([
    'sum by (client (up)',
    'rate(up)',
    'rat(up[5m])',
    'up{job="x"',
    'up{job=~x}',
    'up == ',
    'up up',
    'sum(up))',
    'increase(up[5])',
  ])('%s is refused', (expression) => {
    expect(() => parsePromql(expression)).toThrow();
  });

  test('says what is asked for', () => {
    const asked = parsePromql('sum by (le, a) (rate(x_bucket{b=~"c|d",e!="f"}[5m])) / 2 > 0 or y');
    expect(asked).toEqual({
      selections: [
        { metric: 'x_bucket', labels: ['le', 'a', 'b', 'e'] },
        { metric: 'y', labels: [] },
      ],
      groupedBy: ['le', 'a'],
    });
  });
});

test('alerts have a name of their own, a severity and a sentence that names only labels that are left', () => {
  const alerts = readAlerts();
  expect(new Set(alerts.map(({ alert }) => alert)).size).toBe(alerts.length);
  for (const { alert, expr, labels, annotations } of alerts) {
    expect(labels.severity, alert).toMatch(/^(?:critical|warning)$/);
    const named = [...(annotations.summary ?? '').matchAll(/\$labels\.(\w+)/g)].map(([, label]) => label);
    expect(named, alert).not.toEqual([]);
    const { groupedBy } = parsePromql(expr);
    expect(groupedBy.length === 0 ? ['instance'] : groupedBy, alert).toEqual(expect.arrayContaining(named));
  }
});

test('an endpoint that is down has an alert of its own, and raises none of failing attempts or of a backlog', () => {
  const alerts = new Map(readAlerts().map(({ alert, expr }) => [alert, expr]));
  expect(alerts.get('WaybillEndpointDown')).toBe(
    'max by (client, type) (waybill_pace_state{state="down"}) == 1',
  );
  for (const name of ['WaybillEndpointFailing', 'WaybillBacklogOfPace']) {
    expect(alerts.get(name)).toMatch(
      /^unless max by \(client, type\) \(waybill_pace_state\{state="down"\}\) == 1$/m,
    );
  }
});

test('the panels have places of their own, legends of labels that are left, and the provisioned data source', () => {
  const panels = readPanels();
  const { datasources } = readObservability<{ datasources: { uid: string }[] }>('grafana/datasource.yml');
  const uids = datasources.map(({ uid }) => uid);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size).toBe(panels.length);
  for (const { title, datasource, gridPos, targets } of panels) {
    expect(uids, title).toContain(datasource.uid);
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    for (const { expr, legendFormat } of targets) {
      const named = [...legendFormat.matchAll(/\{\{(\w+)\}\}/g)].map(([, label]) => label);
      const { groupedBy } = parsePromql(expr);
      const left = groupedBy.length === 0 ? ['instance', 'process'] : groupedBy;
      expect(left, `${title}: ${legendFormat}`).toEqual(expect.arrayContaining(named));
    }
  }
});
