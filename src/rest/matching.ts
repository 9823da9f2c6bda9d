/** A path that is known, with what stands in the places of its template. */
export interface Match<T> {
  readonly value: T;
  /** By name, as they stand in the path. */
  readonly places: Readonly<Record<string, string>>;
}

/** Paths by their segments. A segment that is said in full goes before a place, which takes any. */
interface Node<T> {
  readonly segments: Map<string, Node<T>>;
  place?: Node<T>;
  /** Of a template that ends here; `names` of its places, in order. */
  end?: { readonly value: T; readonly names: readonly string[] };
}

/**
 * Finds what is at a path among templates (`/v1/keys/{KeyId}/encrypt`), in a time that does not depend on how many there are.
 * A place takes one segment, and never an empty one; case and a slash at the end count.
 */
export function pathMatcher<T>(
  templates: ReadonlyMap<string, T>,
): (path: string) => Match<T> | undefined {
  const root: Node<T> = { segments: new Map() };
  for (const [template, value] of templates) {
    let node = root;
    const names: string[] = [];
    for (const segment of template.split('/')) {
      const name = /^\{(\w+)\}$/.exec(segment)?.[1];
      if (name !== undefined) names.push(name);
      node = name === undefined ? below(node, segment) : (node.place ??= { segments: new Map() });
    }
    node.end = { value, names };
  }
  return (path) => matchIn(root, path.split('/'));
}

function below<T>(node: Node<T>, segment: string): Node<T> {
  const known = node.segments.get(segment) ?? { segments: new Map<string, Node<T>>() };
  node.segments.set(segment, known);
  return known;
}

function matchIn<T>(root: Node<T>, segments: readonly string[]): Match<T> | undefined {
  const found: string[] = [];
  let node: Node<T> | undefined = root;
  for (const segment of segments) {
    const said: Node<T> | undefined = node.segments.get(segment);
    if (said === undefined) found.push(segment);
    node = said ?? (segment === '' ? undefined : node.place);
    if (node === undefined) return undefined;
  }
  if (node.end === undefined) return undefined;
  const { value, names } = node.end;
  const places = Object.fromEntries(names.map((name, at) => [name, found[at] ?? '']));
  return { value, places };
}
