/**
 * The document with each AWS principal as `rename` names it, as compact JSON; undefined when it names all of them as
 * before. The document has been compiled before, so it is JSON of the right shape.
 */
export function replacePrincipals(
  text: string,
  rename: (name: string) => string,
): string | undefined {
  const document = JSON.parse(text) as { readonly Statement?: unknown };
  let found = 0;
  const renamed = (name: unknown): unknown => {
    const now = typeof name === 'string' ? rename(name) : name;
    if (now !== name) found += 1;
    return now;
  };
  for (const statement of listOf(document.Statement) as Record<string, unknown>[]) {
    for (const element of ['Principal', 'NotPrincipal']) {
      const principal = statement[element];
      if (typeof principal !== 'object' || principal === null) continue;
      const byKind = principal as Record<string, unknown>;
      const names = byKind['AWS'];
      if (names === undefined) continue;
      byKind['AWS'] = Array.isArray(names) ? names.map(renamed) : renamed(names);
    }
  }
  return found > 0 ? JSON.stringify(document) : undefined;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [value];
}
