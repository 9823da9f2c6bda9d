import { refusedMember } from '../errors';

/** Refuses by name the members that no operation here serves yet: never ignored, never half done. */
export function refuseMembers<T extends object>(
  input: T,
  members: readonly (keyof T & string)[],
): void {
  const present = members.find((member) => input[member] !== undefined);
  if (present !== undefined) {
    throw refusedMember('UnsupportedOperationException', present, `${present} is not supported.`);
  }
}
