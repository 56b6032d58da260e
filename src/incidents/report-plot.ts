import { type CoursePoint, type CourseTable, tabulateCourse } from '../core/course.ts';
import { escapeHtml } from '../core/quote-text.ts';
import { kindName, spanName } from './report-outage.ts';

const MOST_BARS = 60;
const MOST_KINDS = 5;
/** Sizes in units of the drawing, about a pixel each. */
const SIZE = { width: 720, height: 260, left: 64, right: 12, top: 14, bottom: 46 };
const PLOT = { width: SIZE.width - SIZE.left - SIZE.right, height: SIZE.height - SIZE.top - SIZE.bottom };
const TIME_TICKS = 6;

/** Draws a course of at least one point: stacked bars of attempts over time, with axes and a legend. */
export function plotCourse(points: readonly CoursePoint[]): string {
  const course = tabulateCourse(points, MOST_BARS, MOST_KINDS);
  const most = Math.max(1, ...course.spans.map(({ counts }) => sum(counts)));
  const step = niceStep(most);
  const top = Math.ceil(most / step) * step;
  const title = `attempts per ${spanName(course.everyMs)}`;
  return `<figure><svg viewBox="0 0 ${SIZE.width} ${SIZE.height}" role="img" aria-label="${title}, over time">
${valueAxis(step, top, title)}
${course.spans.map((_, i) => bar(course, i, top)).join('')}
${timeAxis(course)}
</svg><figcaption>${legend(course)}</figcaption></figure>
`;
}

function sum(counts: readonly number[]): number {
  return counts.reduce((all, count) => all + count, 0);
}

/** A round number of which about four reach the top. */
function niceStep(most: number): number {
  const power = 10 ** Math.floor(Math.log10(Math.max(1, most / 4)));
  return power * ([1, 2, 5, 10].find((factor) => factor * power * 4 >= most) ?? 10);
}

function valueAxis(step: number, top: number, title: string): string {
  const ticks = Array.from({ length: Math.round(top / step) + 1 }, (_, i) => i * step);
  const lines = ticks.map((value) => {
    const y = round(SIZE.top + PLOT.height * (1 - value / top));
    const label = `<text x="${SIZE.left - 8}" y="${y + 4}" class="end">${value.toLocaleString('en-US')}</text>`;
    return `<path class="grid" d="M${SIZE.left} ${y}H${SIZE.width - SIZE.right}"/>${label}`;
  });
  const middle = SIZE.top + PLOT.height / 2;
  return `${lines.join('')}<text transform="translate(12 ${middle}) rotate(-90)" class="mid">${title}</text>`;
}

function bar({ kinds, spans }: CourseTable, index: number, top: number): string {
  const span = spans[index];
  if (span === undefined) return '';
  const slot = PLOT.width / spans.length;
  const width = round(Math.max(1, Math.min(40, slot * 0.85)));
  const x = round(SIZE.left + slot * (index + 0.5) - width / 2);
  let y = SIZE.top + PLOT.height;
  const parts = span.counts.map((count, kind) => {
    const height = (PLOT.height * count) / top;
    y -= height;
    const size = `x="${x}" y="${round(y)}" width="${width}" height="${round(height)}"`;
    return count === 0 ? '' : `<rect class="${colour(kinds, kind)}" ${size}/>`;
  });
  const told = kinds.map((kind, i) => `${kindName(kind)}: ${span.counts[i]?.toLocaleString('en-US')}`);
  return `<g><title>${escapeHtml(`${clock(span.at)} ${told.join(', ')}`)}</title>${parts.join('')}</g>`;
}

function timeAxis({ spans, everyMs }: CourseTable): string {
  const every = Math.ceil(spans.length / TIME_TICKS);
  const slot = PLOT.width / spans.length;
  const bottom = SIZE.top + PLOT.height;
  const labels = spans.map(({ at }, i) => {
    const x = round(SIZE.left + slot * i);
    const isDays = everyMs >= 86_400_000;
    const text = isDays ? new Date(at).toISOString().slice(5, 10) : clock(at);
    return i % every === 0
      ? `<path class="axis" d="M${x} ${bottom}v5"/><text x="${x}" y="${bottom + 18}" class="mid">${text}</text>`
      : '';
  });
  const first = new Date(spans[0]?.at ?? 0).toISOString().slice(0, 10);
  const title = `time (UTC), from ${first}`;
  const middle = SIZE.left + PLOT.width / 2;
  const line = `<path class="axis" d="M${SIZE.left} ${bottom}H${SIZE.width - SIZE.right}"/>`;
  return `${line}${labels.join('')}<text x="${middle}" y="${SIZE.height - 6}" class="mid">${title}</text>`;
}

function legend({ kinds }: CourseTable): string {
  const items = kinds.map(
    (kind, i) => `<span><i class="${colour(kinds, i)}"></i>${escapeHtml(kindName(kind))}</span>`,
  );
  return items.join(' ');
}

/** Deliveries have a colour of their own. */
function colour(kinds: CourseTable['kinds'], index: number): string {
  const hasDelivered = kinds[0]?.class === 'delivered';
  return hasDelivered && index === 0 ? 'good' : `bad${hasDelivered ? index : index + 1}`;
}

function clock(at: number): string {
  return new Date(at).toISOString().slice(11, 16);
}

function round(value: number): number {
  return Math.round(value * 10) / 10;
}
