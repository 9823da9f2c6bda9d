/**
 * The document with one AWS principal in place of another, as compact JSON; undefined when it does not name it. The
 * document has been compiled before, so it is JSON of the right shape.
 */
export function replacePrincipal(text: string, from: string, to: string): string | undefined {
  const document = JSON.parse(text) as { readonly Statement?: unknown };
  let found = 0;
  const renamed = (name: unknown): unknown => {
    if (name !== from) return name;
    found += 1;
    return to;
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
