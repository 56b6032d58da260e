/** One line of a scrape. */
export interface Sample {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
}

/** A scrape, parsed. */
export interface Scrape {
  readonly samples: readonly Sample[];
  /** By the names of the metrics, those of histograms without `_bucket` and so on. */
  readonly types: ReadonlyMap<string, string>;
  /** The sum of all samples of a name whose labels are these, among others. */
  sum(name: string, labels?: Readonly<Record<string, string>>): number;
  /** The values that a label has under a name. */
  labelValues(name: string, label: string): readonly string[];
}

const NAME = /^[a-zA-Z_:][a-zA-Z0-9_:]*/;
const LABEL = /^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|})/;
const NUMBER = /^ ([-+]?(?:\d+(?:\.\d+)?(?:e[-+]?\d+)?|Inf)|NaN)$/i;

/**
 * Parses Prometheus' text format, version 0.0.4. Throws on what a scraper refuses, and on what it only mistrusts: a
 * sample without a type, the same sample twice, a counter without `_total`, a histogram that does not add up.
 */
export function parseScrape(text: string): Scrape {
  if (!text.endsWith('\n')) throw new Error('the last line has no end');
  const types = new Map<string, string>();
  const samples = new Map<string, Sample>();
  for (const line of text.slice(0, -1).split('\n')) readLine(line, types, samples);
  const all = [...samples.values()];
  for (const { name } of all) checkType(name, types);
  for (const [name, type] of types) if (type === 'histogram') checkHistogram(name, all);
  const matching = (name: string, labels: Readonly<Record<string, string>>) =>
    all.filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
    );
  return {
    samples: all,
    types,
    sum: (name, labels = {}) => matching(name, labels).reduce((sum, { value }) => sum + value, 0),
    labelValues: (name, label) => [...new Set(matching(name, {}).map(({ labels }) => labels[label] ?? ''))],
  };
}

function readLine(line: string, types: Map<string, string>, samples: Map<string, Sample>): void {
  if (line === '') return;
  const [, name, type = ''] = /^# TYPE (\S+) (counter|gauge|histogram|summary)$/.exec(line) ?? [];
  if (name !== undefined) {
    if (types.has(name)) throw new Error(`${name} has its type twice`);
    types.set(name, type);
  } else if (!line.startsWith('#')) {
    const sample = parseSample(line);
    const key = `${sample.name} ${JSON.stringify(Object.entries(sample.labels).sort())}`;
    if (samples.has(key)) throw new Error(`twice: ${line}`);
    samples.set(key, sample);
  } else if (!/^# HELP \S+ \S/.test(line)) throw new Error(`no comment of any use: ${line}`);
}

function parseSample(line: string): Sample {
  const name = NAME.exec(line)?.[0];
  if (name === undefined) throw new Error(`no sample: ${line}`);
  let rest = line.slice(name.length);
  const labels: Record<string, string> = {};
  if (rest.startsWith('{')) {
    rest = rest.slice(1);
    for (let end = ''; end !== '}'; ) {
      const [all, label, value, after] = LABEL.exec(rest) ?? [];
      if (all === undefined || label === undefined || after === undefined)
        throw new Error(`no label: ${line}`);
      if (label in labels) throw new Error(`a label twice: ${line}`);
      labels[label] = (value ?? '').replace(/\\(.)/g, (_, char: string) => (char === 'n' ? '\n' : char));
      rest = rest.slice(all.length);
      end = after;
    }
  }
  const number = NUMBER.exec(rest)?.[1];
  if (number === undefined) throw new Error(`no value: ${line}`);
  return { name, labels, value: Number(number.replace(/inf/i, 'Infinity')) };
}

function checkType(name: string, types: ReadonlyMap<string, string>): void {
  const base = name.replace(/_(?:bucket|sum|count)$/, '');
  const type = types.get(name) ?? types.get(base);
  if (type === undefined) throw new Error(`${name} has no type`);
  if ((type === 'counter') !== name.endsWith('_total'))
    throw new Error(`${name} is a counter by name or type only`);
}

function checkHistogram(name: string, samples: readonly Sample[]): void {
  const groups = new Map<string, { buckets: [number, number][]; count: number | undefined; sum: boolean }>();
  for (const sample of samples) {
    if (!sample.name.startsWith(name)) continue;
    const { le, ...labels } = sample.labels;
    const key = JSON.stringify(Object.entries(labels).sort());
    const group = groups.get(key) ?? { buckets: [], count: undefined, sum: false };
    groups.set(key, group);
    if (sample.name === `${name}_bucket`) {
      group.buckets.push([Number((le ?? '').replace('Inf', 'Infinity')), sample.value]);
    } else if (sample.name === `${name}_count`) group.count = sample.value;
    else if (sample.name === `${name}_sum`) group.sum = true;
  }
  for (const [key, { buckets, count, sum }] of groups) {
    const ascends = buckets.every(([le, value], i) => {
      const [before, below] = buckets[i - 1] ?? [Number.NEGATIVE_INFINITY, 0];
      return le > before && value >= below;
    });
    const last = buckets.at(-1);
    if (!ascends || !sum || last?.[0] !== Number.POSITIVE_INFINITY || last[1] !== count) {
      throw new Error(`${name}${key} does not add up`);
    }
  }
}
