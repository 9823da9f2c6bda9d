import type { Token } from '../../hsm';
import type { Awaitable } from '../awaitable';
import type { StoreConnections } from '../custom-key-stores/connections';
import type { Key } from './key';

interface Parts {
  readonly token: Token;
  readonly storeConnections: Pick<StoreConnections, 'token' | 'openTokens'>;
}

/** The tokens that have keys' material: the main one, and those of custom key stores. */
export class KeyTokens {
  constructor(private readonly parts: Parts) {}

  /**
   * The one that a key's material is in, or is to be; its own material of a key in an external key store is in the main
   * one. At once where it is open. Throws KMSInvalidStateException of a store that is not connected (kms-semantics §12.3).
   */
  of({ origin, customKeyStore }: Pick<Key, 'origin' | 'customKeyStore'>): Awaitable<Token> {
    if (origin !== 'AWS_CLOUDHSM' || customKeyStore === undefined) return this.parts.token;
    return this.ofStore(customKeyStore.id);
  }

  /** That of a custom key store of type AWS_CLOUDHSM. */
  ofStore(customKeyStoreId: string): Awaitable<Token> {
    return this.parts.storeConnections.token(customKeyStoreId);
  }

  /** Those that this worker has open. */
  open(): readonly Token[] {
    return [this.parts.token, ...this.parts.storeConnections.openTokens()];
  }
}
