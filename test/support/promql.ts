/** A metric that an expression asks for. */
export interface Selection {
  readonly metric: string;
  /** The labels that it is selected by, and that what it is a part of is grouped by. */
  readonly labels: readonly string[];
}

/** What an expression asks for. */
export interface Asked {
  readonly selections: readonly Selection[];
  /** The labels that something is grouped by. */
  readonly groupedBy: readonly string[];
}

const AGGREGATIONS = new Set(['sum', 'max', 'min', 'avg', 'count']);
/** The functions that are used, and which of them want a range. */
const RANGED = new Set(['rate', 'increase', 'delta']);
const PLAIN = new Set(['histogram_quantile']);
const WITHOUT_ARGUMENT = new Set(['time']);
const BINARY = new Set(['+', '-', '*', '/', '==', '!=', '>', '<', '>=', '<=', 'and', 'or', 'unless']);
const TOKEN =
  /\s*(?:([a-zA-Z_:][\w:]*)|(\d+(?:\.\d+)?(?:[smhd])?)|("(?:[^"\\]|\\.)*")|(=~|!~|[=!<>]=|[-+*/(){}[\],=<>]))/y;

/**
 * Parses the part of PromQL that dashboard and alerts are written in, and throws on everything else: an unknown
 * function, a rate without a range, a bracket that is not closed.
 */
export function parsePromql(expression: string): Asked {
  const tokens = tokenize(expression.replaceAll('$__rate_interval', '5m'));
  const parser = new Parser(tokens, expression);
  parser.expression();
  parser.end();
  return { selections: parser.selections, groupedBy: [...parser.groupedBy] };
}

function tokenize(text: string): string[] {
  const tokens: string[] = [];
  TOKEN.lastIndex = 0;
  for (let at = 0; text.slice(at).trim() !== ''; at = TOKEN.lastIndex) {
    TOKEN.lastIndex = at;
    const found = TOKEN.exec(text);
    if (found === null) throw new Error(`not understood: ${text.slice(at)}`);
    tokens.push(found[0].trim());
  }
  return tokens;
}

class Parser {
  readonly selections: Selection[] = [];
  readonly groupedBy = new Set<string>();
  /** The labels of the aggregations that the parser is within. */
  #within: readonly string[] = [];
  readonly #tokens: readonly string[];
  readonly #text: string;
  #at = 0;

  constructor(tokens: readonly string[], text: string) {
    this.#tokens = tokens;
    this.#text = text;
  }

  get #next(): string | undefined {
    return this.#tokens[this.#at];
  }

  #take(what?: RegExp | string): string {
    const token = this.#next;
    const fits = typeof what === 'string' ? token === what : what === undefined || what.test(token ?? '');
    if (token === undefined || !fits) throw new Error(`${what} is due at "${token}" in ${this.#text}`);
    this.#at += 1;
    return token;
  }

  end(): void {
    if (this.#next !== undefined) throw new Error(`"${this.#next}" is too much in ${this.#text}`);
  }

  expression(): void {
    this.#operand();
    while (BINARY.has(this.#next ?? '')) {
      this.#take();
      this.#operand();
    }
  }

  #operand(): void {
    const token = this.#take(/^[\w:(]/);
    if (token === '(') {
      this.expression();
      this.#take(')');
    } else if (AGGREGATIONS.has(token)) {
      this.#aggregation();
    } else if (RANGED.has(token)) {
      this.#take('(');
      this.#selector(this.#take(/^[a-zA-Z_:]/));
      this.#take('[');
      this.#take(/^\d+[smhd]$/);
      this.#take(']');
      this.#take(')');
    } else if (PLAIN.has(token)) {
      this.#take('(');
      this.#take(/^\d/);
      this.#take(',');
      this.expression();
      this.#take(')');
    } else if (WITHOUT_ARGUMENT.has(token)) {
      this.#take('(');
      this.#take(')');
    } else if (!/^\d/.test(token)) this.#selector(token);
  }

  #aggregation(): void {
    const outside = this.#within;
    if (this.#next === 'by') {
      this.#take();
      this.#take('(');
      const labels = this.#list(() => this.#take(/^[a-zA-Z_]\w*$/), ')');
      for (const label of labels) this.groupedBy.add(label);
      this.#within = [...outside, ...labels];
    }
    this.#take('(');
    this.expression();
    this.#take(')');
    this.#within = outside;
  }

  #selector(metric: string): void {
    if (this.#next === '(') throw new Error(`${metric} is no function that is known here: ${this.#text}`);
    const labels = [...this.#within];
    if (this.#next === '{') {
      this.#take();
      const matcher = (): string => {
        const label = this.#take(/^[a-zA-Z_]\w*$/);
        this.#take(/^(?:=|!=|=~|!~)$/);
        this.#take(/^"/);
        return label;
      };
      labels.push(...this.#list(matcher, '}'));
    }
    this.selections.push({ metric, labels });
  }

  #list(one: () => string, close: string): string[] {
    const items = [one()];
    while (this.#next === ',') {
      this.#take();
      items.push(one());
    }
    this.#take(close);
    return items;
  }
}
