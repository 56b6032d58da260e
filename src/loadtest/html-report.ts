import { createHash } from 'node:crypto';
import { kneePlot, percentilePlot } from './html/latency-plots.ts';
import { html, jsonForScript, type Markup, raw } from './html/markup.ts';
import { PAGE_SCRIPT } from './html/page-script.ts';
import { PAGE_STYLE } from './html/page-style.ts';
import type { Plot } from './html/plot.ts';
import { headSection, objectivesSection, outcomesSection, probesSection, tiles } from './html/sections.ts';
import { commandSection, generatorSection, planSection, settingsSection } from './html/settings-sections.ts';
import { timePlots } from './html/time-plots.ts';
import { uplotFiles } from './html/uplot-files.ts';
import type { LoadReport } from './report.ts';

/**
 * A report as a page for people: one file that opens offline and asks nobody for anything. Works for a report that
 * was read back from its JSON as well.
 */
export function renderHtml(report: LoadReport): string {
  const uplot = uplotFiles();
  const scripts = [uplot.script, PAGE_SCRIPT];
  const styles = [uplot.style, PAGE_STYLE];
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
${commandSection(report)}
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

/** Nothing but this file's own scripts and styles, word for word: what an endpoint answered cannot do anything. */
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
