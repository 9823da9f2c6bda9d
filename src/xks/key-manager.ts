import type { Token } from '../../hsm';
import type { Sealing } from '../auth/sealing';
import type { SealingKeys } from '../auth/sealing-keys';
import { Secret } from '../auth/secret';
import type { KeyManager } from './health';

interface Parts {
  readonly token: Token;
  /** Of the purpose `xks-health`, whose keys are there for this alone. */
  readonly sealing: Sealing;
  readonly sealingKeys: SealingKeys;
}

const owner = 'xks-health';

/** The token as the key manager behind the XKS proxy. */
export function tokenAsKeyManager({ token, sealing, sealingKeys }: Parts): KeyManager {
  const { serial: id, manufacturer: vendor, model } = token.status();
  return {
    ...{ id, vendor, model },
    async exercise() {
      const keyId = await sealingKeys.current();
      const plaintext = new Secret(token.generateRandom(32));
      const opened = await sealing.open(await sealing.seal(plaintext, { owner, keyId }), owner);
      if (!opened.equals(plaintext)) throw new Error('the token decrypted to something else');
    },
  };
}
