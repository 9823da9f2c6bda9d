import { randomBytes } from 'node:crypto';

/**
 * What an id begins with, and how many base32 characters AWS has follow (IAM User Guide, unique identifiers). `ATKN` is an
 * API token, which is Claviger's own.
 */
const lengths = {
  AIDA: 17,
  AROA: 17,
  AGPA: 17,
  ANPA: 17,
  AKIA: 16,
  ATKN: 16,
} as const satisfies Record<string, number>;

export type IdPrefix = keyof typeof lengths;

const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';

/** A new unique id: never one that was used before. Ids are no secrets, so they are not the token's work. */
export function newUniqueId(prefix: IdPrefix): string {
  const characters = [...randomBytes(lengths[prefix])].map((byte) => base32.charAt(byte & 31));
  return prefix + characters.join('');
}
