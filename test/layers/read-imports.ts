/** One import, export-from or dynamic import: what it names and the line it stands in. */
export interface ImportOf {
  readonly specifier: string;
  readonly line: number;
}

/** Comments, strings and regular expressions, each as one piece; what lies between them is code. */
const PIECES =
  /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|[^`\\])*`|(?<=(?:^|[(,=:[!&|?{};>]|\breturn)\s*)\/(?![*/])(?:\\.|\[(?:\\.|[^\]\\\n])*\]|[^/\\\n[])+\/[a-z]*/gm;

const FROM = /\b(?:import|export)\b[^'"`;()]*?\bfrom\s*(['"])(.*?)\1/g;
const BARE = /\bimport\s*(['"])(.*?)\1/g;
const DYNAMIC = /\bimport\s*\(\s*(['"`])(.*?)\1/g;

/** Blanks out the pieces that start with one of these, and keeps every line where it is. */
function blank(source: string, starts: readonly string[]): string {
  return source.replace(PIECES, (piece) =>
    starts.some((start) => piece.startsWith(start)) ? piece.replace(/[^\n]/g, ' ') : piece,
  );
}

/** All that a source imports, of types too. */
export function readImports(source: string): ImportOf[] {
  const code = blank(source, ['//', '/*']);
  return [FROM, BARE, DYNAMIC].flatMap((pattern) =>
    [...code.matchAll(pattern)].map((match) => ({
      specifier: match[2] ?? '',
      line: lineAt(code, match.index),
    })),
  );
}

/** Where a source's code matches, as line numbers. Templates count as code, since they may hold some. */
export function linesWith(source: string, pattern: RegExp): number[] {
  const code = blank(source, ['/', "'", '"']);
  return [...code.matchAll(new RegExp(pattern, 'g'))].map((match) => lineAt(code, match.index));
}

function lineAt(text: string, index: number): number {
  return text.slice(0, index).split('\n').length;
}
