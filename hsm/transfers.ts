import { createPublicKey } from 'node:crypto';
import { HsmError } from './errors';
import { idBytes, toBuffer, toThread } from './formats';
import type { KeyPairs } from './key-pairs';
import type { Exclusively, ImportedWrappingKey, TokenKeyId } from './material-types';
import { transferBits } from './transfer/entries';
import type { Wrapping, WrappingParts } from './wrapping';

export interface TransfersParts extends WrappingParts {
  readonly wrapping: Wrapping;
  readonly pairs: KeyPairs;
}

/** Wrapping keys on their way from one token to another. */
export class Transfers {
  readonly #parts: TransfersParts;

  constructor(parts: TransfersParts) {
    this.#parts = parts;
  }

  async generateKeyPair(id: TokenKeyId, label: string, exclusively?: Exclusively): Promise<Buffer> {
    const pair = { id, label, spec: { purpose: 'transfer', bits: transferBits } } as const;
    return toBuffer((await this.#parts.pairs.generate(pair, exclusively)).publicKey);
  }

  export(id: TokenKeyId, publicKey: Buffer): Promise<Buffer> {
    return this.#parts.wrapping.again([id], async () => {
      requireReceiver(publicKey);
      const wrapper = await this.#parts.wrapping.ref(id);
      const args = { wrapper, publicKey: toThread(publicKey) };
      return toBuffer(await this.#parts.link.run('exportWrappingKey', args));
    });
  }

  async import(key: ImportedWrappingKey): Promise<void> {
    for (const id of [key.id, key.transferKeyId]) idBytes(id);
    const { link, options, inTurn } = this.#parts;
    const { durableDirectory, ivSource } = options;
    await inTurn(() => {
      const { mechanism } = this.#parts.wrapping.mechanism();
      const modifiable = link.live.wrappingModifiable;
      const wrapped = toThread(key.wrapped);
      const args = { ...key, wrapped, modifiable, mechanism, ivSource, durableDirectory };
      return link.run('importWrappingKey', args);
    });
  }
}

function requireReceiver(publicKey: Buffer): void {
  try {
    const key = createPublicKey({ key: publicKey, format: 'der', type: 'spki' });
    const isRsa = key.asymmetricKeyType === 'rsa';
    if (isRsa && key.asymmetricKeyDetails?.modulusLength === transferBits) return;
  } catch {
    // Told below.
  }
  throw new HsmError('failed', 'the public key is no RSA-4096 key (SubjectPublicKeyInfo in DER)');
}
