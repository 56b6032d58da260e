import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import type { LoadReport } from '../load-report.ts';
import { kneePlot, percentilePlot } from './latency-plots.ts';
import { html, jsonForScript, type Markup, raw } from './markup.ts';
import { PAGE_SCRIPT } from './page-script.ts';
import type { Plot } from './plot.ts';
import {
  generatorSection,
  headSection,
  objectivesSection,
  outcomesSection,
  planSection,
  probesSection,
  settingsSection,
  tiles,
} from './sections.ts';
import { timePlots } from './time-plots.ts';

/**
 * Writes a report as a page: one file that opens offline and loads nothing. A report that was read back from
 * its JSON gives the same page. @throws if uPlot is not installed
 */
export function renderHtml(report: LoadReport): string {
  const scripts = [uplotFile('uPlot.iife.min.js'), PAGE_SCRIPT];
  const styles = [uplotFile('uPlot.min.css'), PAGE_STYLE];
  const overall = [kneePlot(report), percentilePlot(report)].filter((plot) => plot !== undefined);
  const overTime = timePlots(report);
  const title = `${report.target.client}: ${report.result.verdict}, ${report.startedAt.slice(0, 10)}`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${contentPolicy(scripts, styles)}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="generator" content="waybill ${report.waybill}">
<title>Load test of ${title}</title>
<link rel="icon" href="data:,">
${styles.map(
  (style) => html`<style>${raw(style)}</style>
`,
)}</head>
<body>
${headSection(report)}
<main>
${tiles(report)}
${objectivesSection(report)}
${figures('Rate and latency', overall)}
${figures('Over time', overTime)}
${settingsSection(report)}
${probesSection(report)}
${outcomesSection(report)}
${generatorSection(report)}
${planSection(report)}
<h2>To repeat it</h2><pre>${report.command.split(' ').map((word) => html`<span>${word}</span> `)}</pre>
<footer class="faint">Percentiles are shown where the sample carries them (95 % confidence): p95 needs 59 events, p99 299, p99.9 2,995.</footer>
</main>
<script type="application/json" id="plots">${jsonForScript([...overall, ...overTime])}</script>
${scripts.map(
  (script) => html`<script>${raw(script)}</script>
`,
)}</body>
</html>
`;
  return page.markup;
}

function figures(title: string, plots: readonly Plot[]): Markup | undefined {
  if (plots.length === 0) return undefined;
  const each = plots.map(
    ({ id, title: heading, caption }) => html`<figure>
<h3>${heading}</h3>
<figcaption>${caption}</figcaption>
<div id="plot-${id}" role="img" aria-label="${heading}"></div>
</figure>
`,
  );
  return html`<h2>${title}</h2>
<div class="plots">
${each}</div>`;
}

/** Allows only this file's own scripts and styles: what an endpoint answered can do nothing. */
function contentPolicy(scripts: readonly string[], styles: readonly string[]): string {
  const hashes = (texts: readonly string[]): string =>
    texts.map((text) => `'sha256-${createHash('sha256').update(text).digest('base64')}'`).join(' ');
  return [
    "default-src 'none'",
    `script-src ${hashes(scripts)}`,
    `style-src ${hashes(styles)}`,
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
  ].join('; ');
}

/** A file of the plotting library, from where it is installed. */
function uplotFile(name: string): string {
  return readFileSync(createRequire(import.meta.url).resolve(`uplot/dist/${name}`), 'utf8').trim();
}

/** Light and dark. The script takes the colours of the plots from here. */
const PAGE_STYLE = `
:root {
  color-scheme: light dark;
  --page: #ffffff; --panel: #f6f7f9; --text: #1b1f24; --faint: #59636e; --line: #d4d9df; --grid: #e4e8ec;
  --good: #116329; --bad: #b3261e; --doubt: #8a5a00; --shade: rgba(90, 100, 110, 0.13);
  --response: #0a63c9; --service: #c2570c; --queue: #7a3ec8;
  --p50: #5ba3e6; --p95: #0a63c9; --p99: #06306b;
  --delivered: #2c9a4b; --unsent: #8b949e;
  --failure1: #d1352b; --failure2: #e8912d; --failure3: #8e44c9; --failure4: #c83e8f; --failure5: #7a5c3e;
}
@media (prefers-color-scheme: dark) {
  :root {
    --page: #0f1318; --panel: #181d24; --text: #e3e8ee; --faint: #9aa5b1; --line: #323a44; --grid: #252c35;
    --good: #5fd07f; --bad: #ff8a80; --doubt: #e9b44c; --shade: rgba(160, 175, 190, 0.14);
    --response: #64acff; --service: #ffa057; --queue: #c39bff;
    --p50: #2f6fb3; --p95: #64acff; --p99: #cfe5ff;
    --delivered: #3fae62; --unsent: #8b949e;
    --failure1: #f2675c; --failure2: #f0a84f; --failure3: #b98aef; --failure4: #ec78b8; --failure5: #bd9a78;
  }
}
* { box-sizing: border-box; }
body {
  margin: 0; background: var(--page); color: var(--text);
  font: 15px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", Arial, sans-serif;
}
main, header { width: min(1400px, 100% - 2.5rem); margin: 0 auto; }
header { padding: 1.75rem 0 0.5rem; }
h1 { font-size: 1.5rem; line-height: 1.25; margin: 0 0 0.25rem; }
h2 { font-size: 1.1rem; margin: 2.25rem 0 0.6rem; }
h3 { font-size: 1rem; margin: 0; }
p { margin: 0.3rem 0; }
.faint, figcaption { color: var(--faint); }
.verdict { font-size: 1.1rem; margin: 0.9rem 0 0.2rem; }
.badge {
  display: inline-block; padding: 0.05rem 0.6rem; margin-right: 0.4rem; border: 1.5px solid; border-radius: 1rem;
  font-weight: 600;
}
.good { color: var(--good); } .bad { color: var(--bad); } .doubt { color: var(--doubt); }
.tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: 0.75rem; margin: 1.2rem 0 0; }
.tiles div { background: var(--panel); border: 1px solid var(--line); border-radius: 8px; padding: 0.6rem 0.85rem; }
.tiles dt { color: var(--faint); font-size: 0.85rem; }
.tiles dd { margin: 0; font-size: 1.35rem; font-weight: 600; font-variant-numeric: tabular-nums; }
.tiles small { display: block; color: var(--faint); font-size: 0.8rem; font-weight: 400; text-wrap: balance; }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 560px), 1fr)); gap: 1.25rem; }
figure {
  margin: 0; padding: 0.9rem 1rem 0.7rem; min-width: 0; background: var(--panel); border: 1px solid var(--line);
  border-radius: 8px;
}
figcaption { font-size: 0.85rem; margin-bottom: 0.5rem; }
.wide { overflow-x: auto; }
table { border-collapse: collapse; width: 100%; font-size: 0.9rem; font-variant-numeric: tabular-nums; }
th, td { text-align: left; padding: 0.3rem 0.9rem 0.3rem 0; vertical-align: top; border-bottom: 1px solid var(--line); }
thead th { color: var(--faint); font-weight: 600; white-space: nowrap; }
tbody tr:last-child td { border-bottom: 0; }
td.number, th.number { text-align: right; white-space: nowrap; }
tr.noted td { border-bottom: 0; padding-bottom: 0; }
td.note { color: var(--faint); padding-top: 0; }
td code { overflow-wrap: anywhere; }
code, pre { font: 0.88rem/1.5 ui-monospace, "SF Mono", Menlo, Consolas, "DejaVu Sans Mono", monospace; }
pre {
  margin: 0.4rem 0; padding: 0.7rem 0.9rem; background: var(--panel); border: 1px solid var(--line);
  border-radius: 8px; white-space: pre-wrap; overflow-wrap: anywhere;
}
pre span { display: inline-block; max-width: 100%; }
footer { margin: 2.5rem 0 2rem; font-size: 0.85rem; }
.uplot .u-legend { margin: 0.2rem 0 0; text-align: left; font-size: 0.85rem; color: var(--text); width: 100%; }
.uplot .u-legend tbody { display: flex; flex-wrap: wrap; gap: 0 1rem; }
.uplot .u-legend tr { margin: 0; }
.uplot .u-legend tr:first-child { order: 1; }
.uplot .u-legend tr:first-child td:not(:empty)::before { content: 'at '; }
.uplot .u-legend th, .uplot .u-legend td { border: 0; }
.uplot .u-legend th { color: var(--text); font-weight: 400; white-space: nowrap; }
.uplot .u-legend .u-series > * { padding: 0.05rem 0.25rem; }
.uplot .u-legend.u-live th::after { content: none; }
.uplot .u-legend .u-series:first-child th { display: none; }
.uplot .u-legend .u-value { color: var(--faint); }
.uplot .u-cursor-x, .uplot .u-cursor-y { border-color: var(--faint); }
.mark { position: absolute; box-sizing: content-box; pointer-events: none; font-size: 12px; line-height: 16px; }
.mark span { position: absolute; white-space: nowrap; padding: 0 3px; background: var(--panel); opacity: 0.85; }
.level { left: 0; right: 0; border-top: 1px dashed var(--text); }
.level span { bottom: 2px; left: 3px; }
.level.high span { bottom: auto; top: 2px; }
.place { top: 0; bottom: 0; border-left: 1px dashed var(--text); }
.place span { bottom: 6px; left: 3px; }
#plot-knee .place span { bottom: auto; top: 6px; left: auto; right: 3px; }
.mark.turned span { left: auto; right: 3px; }
.stretch { top: 0; bottom: 0; background: var(--shade); }
.stretch span { display: none; }
.uplot .u-select { background: var(--shade); }
@media (max-width: 640px) {
  main, header { width: calc(100% - 1.5rem); }
  figure { padding: 0.8rem 0.6rem 0.6rem; }
  .stacks thead { display: none; }
  .stacks, .stacks tbody, .stacks td { display: block; }
  .stacks tr {
    display: grid; grid-template-columns: 1fr 1fr; gap: 0.3rem 1rem; padding: 0.5rem 0; border-top: 1px solid var(--line);
  }
  .stacks td, .stacks td.number { padding: 0; border: 0; text-align: left; }
  .stacks td::before { content: attr(data-label); display: block; color: var(--faint); font-size: 0.85em; }
  .stacks td:empty, .stacks td.note::before { display: none; }
  .stacks td.note, .stacks td:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .stacks tr.noted + tr { border: 0; padding-top: 0; }
}
@media print { .u-value { display: none; } figure, .tiles div { break-inside: avoid; } }
`;
