import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';

const DIRECTORY = fileURLToPath(new URL('../../src/observability/', import.meta.url));

/** An alert as Prometheus reads it. */
export interface Alert {
  readonly alert: string;
  readonly expr: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
}

/** A panel as Grafana reads it. */
export interface Panel {
  readonly id: number;
  readonly title: string;
  readonly datasource: { readonly uid: string };
  readonly gridPos: { readonly x: number; readonly y: number; readonly w: number; readonly h: number };
  readonly targets: readonly { readonly expr: string; readonly legendFormat: string }[];
}

/** A file of src/observability/, parsed: JSON is YAML. */
export function readObservability<T>(path: string): T {
  return parse(readFileSync(`${DIRECTORY}${path}`, 'utf8')) as T;
}

/** All alerts. */
export function readAlerts(): readonly Alert[] {
  const { groups } = readObservability<{ groups: { rules: Alert[] }[] }>('prometheus/alerts.yml');
  return groups.flatMap(({ rules }) => rules);
}

/** All panels of the dashboard. */
export function readPanels(): readonly Panel[] {
  return readObservability<{ panels: Panel[] }>('grafana/waybill.json').panels;
}

/** Every expression of dashboard and alerts. */
export function readExpressions(): readonly string[] {
  return [
    ...readAlerts().map(({ expr }) => expr),
    ...readPanels().flatMap(({ targets }) => targets.map(({ expr }) => expr)),
  ];
}
