import type { TokenKey, TokenKeyId } from './types';

/** The resident key of this CKA_ID. */
export function residentKey(id: TokenKeyId): TokenKey {
  return { id, wrapped: undefined };
}
