import { createHash } from 'node:crypto';

/**
 * SHA-256 of an operation's input in a canonical form: two inputs have the same where the operation cannot tell them apart,
 * however their JSON was spaced and ordered. What is absent is not the same as its default.
 */
export function inputHash(input: object): Buffer {
  return createHash('sha256')
    .update(JSON.stringify(canonical(input)))
    .digest();
}

/** Every value stands behind the name of its kind, so that no map of strings reads as a blob or as a date. */
type Canonical = readonly [kind: string, value: unknown];

function canonical(value: unknown): Canonical {
  if (typeof value !== 'object' || value === null) return [typeof value, value];
  if (Buffer.isBuffer(value)) return ['blob', value.toString('base64')];
  if (value instanceof Date) return ['timestamp', value.getTime()];
  if (Array.isArray(value)) return ['list', value.map(canonical)];
  return ['members', membersOf(value)];
}

/** In the order of their names by UTF-16 units, without those that are absent. */
function membersOf(value: object): readonly (readonly [name: string, value: Canonical])[] {
  return Object.entries(value)
    .filter(([, member]) => member !== undefined)
    .sort(([one], [other]) => (one < other ? -1 : 1))
    .map(([name, member]) => [name, canonical(member)]);
}
