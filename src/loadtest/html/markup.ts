import { escapeHtml } from '../../core/quote-text.ts';

/** Text that is markup already, and is not escaped. */
export interface Markup {
  readonly markup: string;
}

/** The values that {@link html} takes; `undefined` is empty. */
export type Hole = Markup | string | number | undefined | readonly (Markup | undefined)[];

/** Builds markup from a template. All values but markup are escaped, since a report quotes endpoints. */
export function html(parts: TemplateStringsArray, ...holes: readonly Hole[]): Markup {
  const filled = parts.map((part, n) => part + fill(holes[n]));
  return { markup: filled.join('') };
}

/** Text that is known to be harmless: this program's own script or style. */
export function raw(markup: string): Markup {
  return { markup };
}

/**
 * JSON for a script element. Nothing in it ends the element, and it is valid JavaScript: U+2028 and U+2029 are
 * escaped.
 */
export function jsonForScript(value: unknown): Markup {
  const escaped = (found: string): string => `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`;
  return { markup: JSON.stringify(value).replace(/[<>&\u2028\u2029]/g, escaped) };
}

/** A heading and a table. A note follows its row, over the whole width. */
export interface TableParts {
  readonly title: string;
  readonly headings: readonly string[];
  readonly rows: readonly (readonly Hole[])[];
  /** The columns that are aligned to the right, counted from 0. */
  readonly numeric?: readonly number[];
  readonly notes?: readonly string[];
}

/** A table under its heading, whose rows are stacked on a narrow page; undefined: it has no rows. */
export function table({ title, headings, rows, numeric = [], notes = [] }: TableParts): Markup | undefined {
  if (rows.length === 0) return undefined;
  const side = (n: number): Markup => raw(numeric.includes(n) ? ' class="number"' : '');
  const head = headings.map((heading, n) => html`<th scope="col"${side(n)}>${heading}</th>`);
  const body = rows.map((row, n) => {
    const cells = row.map(
      (cell, column) => html`<td${side(column)} data-label="${headings[column]}">${cell}</td>`,
    );
    const note = notes[n] ?? '';
    const below = html`<tr><td class="note" colspan="${headings.length}">${note}</td></tr>
`;
    return html`<tr${raw(note === '' ? '' : ' class="noted"')}>${cells}</tr>
${note === '' ? undefined : below}`;
  });
  return html`<h2>${title}</h2><div class="wide"><table${raw(headings.length > 2 ? ' class="stacks"' : '')}>
<thead><tr>${head}</tr></thead>
<tbody>
${body}</tbody>
</table></div>`;
}

const TONES: Readonly<Record<string, string>> = {
  met: 'good',
  missed: 'bad',
  stopped: 'bad',
  declared: 'bad',
};

/** A verdict with its colour: never the colour alone. */
export function badge(verdict: string): Markup {
  return html`<span class="badge ${TONES[verdict] ?? 'doubt'}">${verdict}</span>`;
}

function fill(hole: Hole): string {
  if (hole === undefined) return '';
  if (typeof hole === 'string' || typeof hole === 'number') return escapeHtml(String(hole));
  if ('markup' in hole) return hole.markup;
  return hole.map((each) => each?.markup ?? '').join('');
}
