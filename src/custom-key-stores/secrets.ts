import type { Sealed, Sealing } from '../auth/sealing';
import type { SealingKeys } from '../auth/sealing-keys';
import type { Secret } from '../auth/secret';
import type { CustomKeyStore } from './store';

interface Parts {
  readonly sealing: Sealing;
  readonly sealingKeys: SealingKeys;
}

/** The passwords of AWS_CLOUDHSM stores and the secrets of XKS proxies: sealed by the token, each bound to its store. */
export class StoreSecrets {
  constructor(private readonly parts: Parts) {}

  async seal(secret: Secret, storeId: string): Promise<Sealed> {
    const { sealing, sealingKeys } = this.parts;
    return sealing.seal(secret, { owner: storeId, keyId: await sealingKeys.current() });
  }

  /** A copy, which is the caller's to wipe. */
  async open({ id, sealedSecret }: Pick<CustomKeyStore, 'id' | 'sealedSecret'>): Promise<Buffer> {
    const secret = await this.parts.sealing.open(sealedSecret, id);
    const bytes = copyOf(secret);
    secret.wipe();
    return bytes;
  }
}

/** Not out of node's pool, which shares memory with whatever else is in it. */
export function copyOf(secret: Secret): Buffer {
  const bytes = Buffer.alloc(secret.length);
  secret.reveal().copy(bytes);
  return bytes;
}
