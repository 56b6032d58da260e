import { type Alias, isAlias, isMap, isScalar, isSeq, type Node, type Pair, type YAMLMap } from 'yaml';

/** The key of a pair, as text. */
export function keyOf(pair: Pair): string {
  return isScalar(pair.key) ? String(pair.key.value) : '';
}

/**
 * Makes what finds the offset of a setting, or of the last section on the way to it. Places are looked for when
 * they are asked for, since most files hold no mistake.
 */
export function createPlaces(
  contents: Node | null,
  targets: ReadonlyMap<Alias, Node>,
): (keys: readonly PropertyKey[]) => number | undefined {
  const indexes = new Map<YAMLMap, ReadonlyMap<string, Pair>>();

  function pairOf(map: YAMLMap, key: PropertyKey): Pair | undefined {
    let index = indexes.get(map);
    if (index === undefined) {
      index = new Map((map.items as Pair[]).map((pair) => [keyOf(pair), pair]));
      indexes.set(map, index);
    }
    return index.get(String(key));
  }

  /** The node that is named by a key, which has the place, and the one that stands for its value. */
  function step(parent: unknown, key: PropertyKey): readonly [place: unknown, value: unknown] {
    const node = isAlias(parent) ? targets.get(parent) : parent;
    if (isSeq(node)) return [node.items[Number(key)], node.items[Number(key)]];
    const pair = isMap(node) ? pairOf(node, key) : undefined;
    return [pair?.key, pair?.value];
  }

  return (keys) => {
    let node: unknown = contents;
    let offset: number | undefined;
    for (const key of keys) {
      const [place, value] = step(node, key);
      if (place === undefined) break;
      offset = (place as Node | null)?.range?.[0] ?? offset;
      node = value;
    }
    return offset;
  };
}
