import { shapeNamed } from '../../src/shapes/table';

/** Parameters as botocore's QuerySerializer writes them. */
export function botocoreForm(shape: string, value: unknown, prefix = ''): [string, string][] {
  const { type, ...rest } = shapeNamed(shape);
  const at = (name: string): string => (prefix === '' ? name : `${prefix}.${name}`);
  if ('members' in rest) {
    return Object.entries(value as object).flatMap(([name, one]) =>
      botocoreForm(rest.members[name] ?? '', one, at(name)),
    );
  }
  if ('member' in rest) {
    const list = value as unknown[];
    if (list.length === 0) return [[prefix, '']];
    return list.flatMap((one, index) => botocoreForm(rest.member, one, at(`member.${index + 1}`)));
  }
  if ('key' in rest) {
    return Object.entries(value as object).flatMap(([key, one], index) => [
      ...botocoreForm(rest.key, key, at(`entry.${index + 1}.key`)),
      ...botocoreForm(rest.value, one, at(`entry.${index + 1}.value`)),
    ]);
  }
  if (type === 'timestamp') return [[prefix, (value as Date).toISOString()]];
  if (type === 'blob') return [[prefix, (value as Buffer).toString('base64')]];
  return [[prefix, String(value)]];
}

/** Python's urlencode: quote_plus of every name and value. */
export function urlencode(parameters: readonly (readonly [string, string])[]): string {
  const quote = (text: string): string => encodeURIComponent(text).replaceAll('%20', '+');
  return parameters.map(([name, value]) => `${quote(name)}=${quote(value)}`).join('&');
}
