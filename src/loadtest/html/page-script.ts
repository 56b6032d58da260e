/**
 * What runs in the page: draws each plot of `#plots` into the element with its id, and again when the colour
 * scheme or the width changes. It knows the form of a plot (plot.ts) and nothing of load tests.
 */
export const PAGE_SCRIPT = `
'use strict';
(() => {
  const plots = JSON.parse(document.getElementById('plots').textContent);
  const HEIGHT = 300;
  const FONT = '12px system-ui, -apple-system, "Segoe UI", Roboto, Arial, sans-serif';
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim();

  const number = (value) =>
    Math.abs(value) >= 100 ? Math.round(value).toLocaleString('en-US') : String(Number(value.toPrecision(3)));
  const duration = (ms) => (ms < 1000 ? number(ms) + ' ms' : number(ms / 1000) + ' s');
  const clock = (s) => Math.floor(s / 60) + ':' + String(Math.floor(s % 60)).padStart(2, '0');
  const seconds = (s) => number(s) + ' s';
  const percentile = (nines) => {
    const places = Math.max(0, Math.ceil(nines - 2 + 1e-9)) + (Number.isInteger(nines) ? 0 : 1);
    return Number((100 - 100 * 10 ** -nines).toFixed(Math.min(places, 8))) + ' %';
  };
  const WRITE = {
    ms: duration, seconds, clock, rate: (value) => number(value) + '/s', count: number, nines: percentile,
  };
  const CLOCK_STEPS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];

  const nineLabel = (at, plot) => (at === plot.x.max ? 'max' : percentile(at));

  /** The nines that are whole, with the median and both ends; those without room beside the next one are left out. */
  function nineSplits(u, axis, min, max, plot) {
    const last = plot.x.max;
    const splits = [0, Math.log10(2)];
    for (let n = 1; n <= last; n += 1) splits.push(n);
    const shown = [last];
    const toPixels = (u.width - 84) / (max - min);
    for (const at of splits.reverse()) {
      const letters = nineLabel(at, plot).length + nineLabel(shown[0], plot).length;
      if ((shown[0] - at) * toPixels >= 5 * letters) shown.unshift(at);
    }
    return shown.filter((at) => at >= min && at <= max);
  }

  function axisOf(plot, side) {
    const { label, unit } = plot[side];
    const isX = side === 'x';
    const text = colour('faint');
    const grid = { stroke: colour('grid'), width: 1 };
    const axis = {
      label, labelFont: FONT, font: FONT, stroke: text, grid, ticks: { ...grid, size: 5 },
      labelSize: 22, labelGap: isX ? 2 : 0, size: isX ? 34 : 62, space: isX ? 50 : 34,
      values: (u, splits) => splits.map((at) => (at === null ? null : WRITE[unit](at))),
    };
    if (unit === 'clock') return { ...axis, incrs: CLOCK_STEPS };
    if (unit !== 'nines') return axis;
    return {
      ...axis,
      splits: (u, index, min, max) => nineSplits(u, index, min, max, plot),
      filter: (u, splits) => splits,
      values: (u, splits) => splits.map((at) => nineLabel(at, plot)),
    };
  }

  /** Bars that are a second wide and touch each other; whole pixels, or seams would show between them. */
  function secondWide(u, index) {
    const fill = new Path2D();
    const bottom = u.valToPos(0, 'y', true);
    u.data[index].forEach((value, n) => {
      if (!value) return;
      const [from, to] = [-0.5, 0.5].map((half) => Math.round(u.valToPos(u.data[0][n] + half, 'x', true)));
      const top = u.valToPos(value, 'y', true);
      fill.rect(from, top, Math.max(1, to - from), bottom - top);
    });
    return { fill, stroke: null, clip: null, band: null, gaps: null, flags: 1 };
  }

  function seriesOf(plot, series) {
    const stroke = colour(series.colour);
    const values = series.shown || series.values;
    const write = WRITE[plot.y.unit];
    const common = {
      label: series.label, stroke,
      value: (u, value, s, at) => (values[at] === null || values[at] === undefined ? '' : write(values[at])),
    };
    if (series.kind === 'points') {
      return { ...common, paths: () => null, points: { show: true, size: 10, width: 2, stroke, fill: stroke } };
    }
    if (series.kind === 'bars') {
      return { ...common, fill: stroke, width: 0, points: { show: false }, paths: secondWide };
    }
    // A line of one value is a point, or nothing would be seen of it.
    const alone = series.values.filter((value) => value !== null).length === 1;
    return {
      ...common, width: 2, dash: series.dashed ? [6, 4] : undefined, spanGaps: plot.x.unit === 'nines' || plot.x.unit === 'rate',
      points: { show: alone, size: 7, fill: stroke },
    };
  }

  /** Lays the marks over the plotting area. A label goes to the other side if it is near one before it, or too wide. */
  function placeMarks(u, plot) {
    for (const old of u.over.querySelectorAll('.mark')) old.remove();
    const { clientWidth: width, clientHeight: height } = u.over;
    const taken = [];
    for (const { kind, at, from = at, to = at, label = '' } of plot.marks) {
      const isLevel = kind === 'level';
      const [axis, most, start, size] = isLevel ? ['y', height, 'top', 'height'] : ['x', width, 'left', 'width'];
      const [first, last] = [from, to].map((value) => u.valToPos(value, axis));
      if (last < 0 || first > most) continue;
      const text = Object.assign(document.createElement('span'), { textContent: label });
      const mark = Object.assign(document.createElement('div'), { className: 'mark ' + kind });
      mark.style[start] = Math.max(0, first) + 'px';
      mark.style[size] = Math.min(most, last) - Math.max(0, first) + 'px';
      mark.append(text);
      u.over.append(mark);
      const isNear = isLevel && taken.some((other) => Math.abs(other - first) < 16);
      mark.classList.toggle('turned', isNear || (!isLevel && first + text.offsetWidth + 4 > width));
      mark.classList.toggle('high', first < 20);
      if (isLevel) taken.push(first);
    }
  }

  function draw(plot, place) {
    const { x, y } = plot;
    const options = {
      width: place.clientWidth,
      height: HEIGHT,
      padding: [12, 22, 0, 0],
      scales: {
        x: { time: false, range: () => [x.min, x.max] },
        y: { distr: y.logarithmic ? 3 : 1, log: 10, range: () => [y.min, y.max] },
      },
      axes: [axisOf(plot, 'x'), axisOf(plot, 'y')],
      series: [
        { label: x.label, value: (u, value) => (value === null ? '' : WRITE[x.unit](value)) },
        ...plot.series.map((series) => seriesOf(plot, series)),
      ],
      cursor: { drag: { setScale: false, x: false, y: false }, points: { size: 7 } },
      legend: { markers: { width: 0, fill: (u, n) => colour(plot.series[n - 1].colour) } },
      hooks: { draw: [(u) => placeMarks(u, plot)] },
    };
    return new uPlot(options, [plot.xs, ...plot.series.map(({ values }) => values)], place);
  }

  let drawn = [];
  function drawAll() {
    for (const { plot } of drawn) plot.destroy();
    drawn = plots.map((plot) => {
      const place = document.getElementById('plot-' + plot.id);
      return { plot: draw(plot, place), place };
    });
  }
  drawAll();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', drawAll);
  addEventListener('resize', () => {
    for (const { plot, place } of drawn) {
      if (plot.width !== place.clientWidth) plot.setSize({ width: place.clientWidth, height: HEIGHT });
    }
  });
})();
`;
