import { Marked, type Tokens } from 'marked';
import { escapeHtml } from '../core/escape-html.ts';
import { REPORT_STYLE } from './report-style.ts';

/** Nothing is fetched from anywhere, and nothing runs. */
const POLICY = "default-src 'none'; style-src 'unsafe-inline'";

/**
 * Reports hold no HTML, links or images of their own: whatever looks like one came from outside, and is shown as the
 * text that it is.
 */
const renderer = {
  html: ({ text }: Tokens.HTML | Tokens.Tag) => escapeHtml(text),
  link: ({ raw }: Tokens.Link) => escapeHtml(raw),
  image: ({ raw }: Tokens.Image) => escapeHtml(raw),
};

/** Turns a report in Markdown into one HTML file that needs nothing else. */
export function reportHtml(title: string, markdown: string): string {
  const marked = new Marked({ renderer, gfm: true });
  const body = marked.parse(markdown, { async: false });
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
