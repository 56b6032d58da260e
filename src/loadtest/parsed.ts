/** What a text on the command line says, or what is wrong with it: each problem a sentence of its own. */
export type Parsed<Value> =
  | { readonly ok: true; readonly value: Value }
  | { readonly ok: false; readonly problems: readonly string[] };
