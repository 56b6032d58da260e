import { Marked, type Tokens } from 'marked';
import { escapeHtml } from '../core/quote-text.ts';
import type { IncidentReport } from './build-report.ts';
import { reportMarkdown, reportTitle } from './report-markdown.ts';
import { COURSE_HEADING, coursePoints } from './report-outage.ts';
import { plotCourse } from './report-plot.ts';

/** The page fetches nothing and runs nothing. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/** How a report looks in a browser, by day, by night and on paper. */
const REPORT_STYLE = `
:root {
  --ink: #1c2024; --faint: #60646c; --paper: #fff; --raised: #f5f6f8; --line: #d9dce1; --accent: #b42318;
  --good: #3a9d6a; --bad1: #c2362b; --bad2: #e08a1e; --bad3: #7a5bb5; --bad4: #3f7fbf; --bad5: #8a8f98
}
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e8eb; --faint: #9ba1a6; --paper: #131517; --raised: #1d2023; --line: #33383d; --accent: #ff8a7a }
}
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink); font: 16px/1.55 system-ui, sans-serif }
main { max-width: 60rem; margin: 0 auto; padding: 2rem 1.25rem 4rem }
h1 { font-size: 1.75rem; line-height: 1.25; margin: 0 0 1rem }
h2 { font-size: 1.3rem; margin: 2.5rem 0 .75rem; padding-top: 1rem; border-top: 2px solid var(--accent) }
h3 { font-size: 1.05rem; margin: 1.75rem 0 .5rem }
h4 { font-size: 1rem; margin: 1.25rem 0 .5rem; color: var(--accent) }
table { border-collapse: collapse; display: block; overflow-x: auto; font-variant-numeric: tabular-nums }
th, td { text-align: left; vertical-align: top; padding: .35rem 1rem .35rem 0; border-bottom: 1px solid var(--line) }
/* Times and figures: what is said in words may break. */
td:nth-child(n + 3) { white-space: nowrap }
th { color: var(--faint); font-weight: 600 }
th:empty { padding: 0; border: 0 }
code, pre { font: .875em/1.5 ui-monospace, monospace; background: var(--raised); border-radius: 4px }
code { padding: .1em .3em; overflow-wrap: anywhere }
pre { padding: .75rem 1rem; border: 1px solid var(--line); overflow-x: auto; white-space: pre-wrap; overflow-wrap: anywhere }
pre code { padding: 0; background: none; font-size: 1em }
figure { margin: .5rem 0 1rem }
svg { display: block; width: 100%; max-width: 45rem; height: auto; font-size: 11px }
svg text { fill: var(--faint) }
.mid { text-anchor: middle }
.end { text-anchor: end }
.grid, .axis { stroke: var(--line); fill: none }
.axis { stroke: var(--faint) }
.good { fill: var(--good); background: var(--good) }
.bad1 { fill: var(--bad1); background: var(--bad1) }
.bad2 { fill: var(--bad2); background: var(--bad2) }
.bad3 { fill: var(--bad3); background: var(--bad3) }
.bad4 { fill: var(--bad4); background: var(--bad4) }
.bad5 { fill: var(--bad5); background: var(--bad5) }
figcaption { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; padding-left: 4rem; font-size: .85rem; color: var(--faint) }
figcaption i { display: inline-block; width: .7em; height: .7em; margin-right: .4em; border-radius: 2px; print-color-adjust: exact }
@media print { h2, h3, h4 { break-after: avoid } pre, tr { break-inside: avoid } main { padding: 0 } }
`;

/** Reports hold no HTML, links or images of their own: those of a client's server are shown as text. */
const renderer = {
  html: ({ text }: Tokens.HTML | Tokens.Tag) => escapeHtml(text),
  link: ({ raw }: Tokens.Link) => escapeHtml(raw),
  image: ({ raw }: Tokens.Image) => escapeHtml(raw),
};

/** Writes a report as one HTML file that needs nothing else. */
export function reportHtml(report: IncidentReport): string {
  const courses = report.endpoints.map(coursePoints).filter((points) => points.length > 0);
  return reportPage(reportTitle(report.client), reportMarkdown(report), courses.map(plotCourse));
}

/** Makes a page of Markdown, with these plots above the tables of courses, in their order. */
export function reportPage(title: string, markdown: string, plots: readonly string[] = []): string {
  const marked = new Marked({ renderer, gfm: true });
  const body = withPlots(marked.parse(markdown, { async: false }), plots);
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="${POLICY}">
<meta name="color-scheme" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${REPORT_STYLE}</style>
</head>
<body>
<main>
${body}</main>
</body>
</html>
`;
}

/** What a client's server answered is text, and so no heading. */
function withPlots(body: string, plots: readonly string[]): string {
  const heading = `<h3>${COURSE_HEADING}</h3>\n`;
  const [start = '', ...rest] = body.split(heading);
  return start + rest.map((part, i) => `${heading}${plots[i] ?? ''}${part}`).join('');
}
