import { decrypt } from './decrypt';
import { encrypt } from './encrypt';
import { getKeyMetadata } from './get-key-metadata';
import type { XksOperation } from './operation';

export { isEnabled } from './get-key-metadata';
export type { XksOperation } from './operation';

/** What the XKS proxy serves of a key. GetHealthStatus is of none. */
export const xksOperations: { readonly [N in XksOperation['name']]: XksOperation } = {
  GetKeyMetadata: getKeyMetadata,
  Encrypt: encrypt,
  Decrypt: decrypt,
};
