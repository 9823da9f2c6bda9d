import { HsmError } from '../../hsm';
import type { StoreConnections } from '../custom-key-stores/connections';
import { KmsError } from '../errors';
import { innerLayerInvalid } from '../xks-client/faults';
import type { Decrypted, Encrypted, KeyUse } from './cipher';
import { associatedData, ciphertextHeader } from './ciphertext';
import { encryptionContextDigest } from './encryption-context';
import type { ExternalCipher } from './external-cipher';
import {
  decodeExternalCiphertext,
  decodeInnerLayer,
  encodeExternalCiphertext,
  encodeInnerLayer,
} from './external-ciphertext';
import type { Key } from './key';
import type { Keyring } from './keyring';
import { requireMaterial } from './material-use';

interface Parts {
  readonly keyring: Pick<Keyring, 'seal' | 'open'>;
  readonly storeConnections: Pick<StoreConnections, 'client'>;
}

/**
 * The double encryption of keys in external key stores: the plaintext under the key's own material, in our token, and what
 * comes of that under the external key (kms-semantics §12.4). So neither of the two can read it alone. What a proxy does
 * not do is an XksFault, which is KMSInvalidStateException with its text (§12.3).
 */
export class DoubleCipher implements ExternalCipher {
  /** A cached key is immutable and encrypts many times. */
  private readonly headers = new WeakMap<Key, Buffer>();

  constructor(private readonly parts: Parts) {}

  /** Encrypts 1 to 4096 bytes: what the proxy gets, 28 bytes more, is under the 4300 that it takes. */
  async encrypt(key: Key, plaintext: Buffer, { context, about }: KeyUse): Promise<Encrypted> {
    const header = this.headerOf(key);
    const aad = associatedData(header, encryptionContextDigest(context));
    // Nothing is sealed, and counted, for a proxy that there is no way to.
    await this.externalKey(key);
    const inner = await this.parts.keyring.seal(key, plaintext, aad);
    // The way may be another by now: the store was given another credential.
    const { client, externalKeyId } = await this.externalKey(key);
    const outer = await client.encrypt(externalKeyId, {
      plaintext: encodeInnerLayer(inner),
      aad,
      about: about(key),
    });
    return { blob: encodeExternalCiphertext({ header, outer }), keyMaterialId: undefined };
  }

  /**
   * Throws InvalidCiphertextException for what is no ciphertext of the key, before anybody is asked; what the proxy, or the
   * token, does not open is KMSInvalidStateException with the text of the one or the other (kms-semantics §12.3).
   */
  async decrypt(key: Key, blob: Buffer, { context, about }: KeyUse): Promise<Decrypted> {
    const { keyId, keyMaterialId, header, outer } = decodeExternalCiphertext(blob);
    const material = key.materials.get(keyMaterialId);
    if (keyId !== key.keyId || material === undefined) {
      throw new KmsError('InvalidCiphertextException');
    }
    const aad = associatedData(header, encryptionContextDigest(context));
    const { client, externalKeyId } = await this.externalKey(key);
    const layer = await client.decrypt(externalKeyId, { sealed: outer, aad, about: about(key) });
    try {
      const sealed = { ...decodeInnerLayer(layer), aad };
      return {
        plaintext: await this.parts.keyring.open(key, material, sealed),
        keyMaterialId: undefined,
      };
    } catch (thrown) {
      if (thrown instanceof HsmError && thrown.code === 'ciphertext-invalid') {
        throw innerLayerInvalid(thrown);
      }
      throw thrown;
    }
  }

  private async externalKey({ customKeyStore, xksKeyId }: Key) {
    if (customKeyStore === undefined || xksKeyId === undefined) {
      throw new TypeError('a key is under no external key');
    }
    const client = await this.parts.storeConnections.client(customKeyStore.id);
    return { client, externalKeyId: xksKeyId };
  }

  private headerOf(key: Key): Buffer {
    let header = this.headers.get(key);
    if (header === undefined) {
      header = ciphertextHeader(key.keyId, requireMaterial(key).id, 2);
      this.headers.set(key, header);
    }
    return header;
  }
}
