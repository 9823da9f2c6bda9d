import { invalidMember } from '../errors';

/** The shape of a description has no pattern, and Postgres cannot store U+0000: refused, as AWS refuses it. */
export function checkDescription({ Description }: { readonly Description?: string }): void {
  if (Description?.includes('\0') === true) {
    throw invalidMember(
      'Description',
      "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must not contain U+0000",
      'must not contain U+0000',
    );
  }
}
