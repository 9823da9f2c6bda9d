import type { MaterialKind } from './material-types';

/** What seals and opens: SYMMETRIC_DEFAULT has no other usage. */
export const aesKind: MaterialKind = { spec: 'SYMMETRIC_DEFAULT', usage: 'ENCRYPT_DECRYPT' };
