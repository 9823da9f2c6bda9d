import { classOf, keyRow } from './algorithms/key-rows';
import { HsmError } from './errors';
import { idBytes, toBuffer } from './formats';
import { KeptTurn, type KeyPairs, type Prepared, PreparedRsa } from './key-pairs';
import { isSecret, type Shape, shapeOf } from './material/shapes';
import type { Residents } from './residents';
import { generationDeadlineMs } from './slow-turn';
import type {
  Exclusively,
  GeneratedKey,
  GeneratedWrappedKey,
  MaterialKind,
  NewKeyName,
  PreparedKey,
  PreparedPlace,
  TokenKeyId,
} from './types';
import type { Wrapping, WrappingParts } from './wrapping';

export interface GenerationParts extends WrappingParts {
  readonly residents: Residents;
  readonly pairs: KeyPairs;
  readonly wrapping: Wrapping;
}

interface NewWrappedKey {
  readonly kind: MaterialKind;
  readonly wrappingKeyId: TokenKeyId;
  readonly slow: boolean;
  readonly prepared: Prepared | undefined;
}

interface NewKey {
  readonly kind: MaterialKind;
  readonly id: TokenKeyId;
  readonly label: string;
  readonly prepared: Prepared | undefined;
}

/** A key that was made. */
interface Made {
  readonly key: Uint8Array;
  readonly publicKey: Uint8Array | undefined;
}

/** Generating keys. */
export class Generation {
  readonly #parts: GenerationParts;
  readonly #running = new Set<TokenKeyId>();

  constructor(parts: GenerationParts) {
    this.#parts = parts;
  }

  async generateKey(
    kind: MaterialKind,
    { id, label, prepared }: NewKeyName,
    exclusively: Exclusively = (work) => work(),
  ): Promise<GeneratedKey> {
    idBytes(id);
    if (this.#running.has(id)) {
      throw new HsmError('duplicate-key', `C_GenerateKey: CKA_ID ${id} is being generated`);
    }
    this.#running.add(id);
    try {
      const { key, publicKey } = await this.#generate(
        { kind, id, label, prepared: preparedOf(prepared) },
        exclusively,
      );
      this.#parts.residents.add(id, key, classOf(keyRow(kind)));
      return { publicKey: publicKey && toBuffer(publicKey) };
    } finally {
      this.#running.delete(id);
    }
  }

  /** See MaterialGeneration. */
  async prepareKey(
    kind: MaterialKind,
    place: PreparedPlace,
    asker?: string,
  ): Promise<PreparedKey | undefined> {
    return isSlow(shapeOf(kind.spec)) ? this.#parts.pairs.prepare(kind, place, asker) : undefined;
  }

  async generateWrappedKey(
    kind: MaterialKind,
    wrappingKeyId: TokenKeyId,
    given?: PreparedKey,
  ): Promise<GeneratedWrappedKey> {
    const slow = isSlow(shapeOf(kind.spec));
    const prepared = preparedOf(given ?? (await this.prepareKey(kind, 'wrapped')));
    try {
      return await this.#generateWrapped({ kind, wrappingKeyId, slow, prepared });
    } finally {
      if (given === undefined) await prepared?.discard();
    }
  }

  #generateWrapped({
    kind,
    wrappingKeyId,
    slow,
    prepared,
  }: NewWrappedKey): Promise<GeneratedWrappedKey> {
    const { link, options, wrapping } = this.#parts;
    const { ivSource, softwareUnwrap = true } = options;
    return wrapping.again([wrappingKeyId], async () => {
      const wrapper = await wrapping.ref(wrappingKeyId);
      const args = { kind, wrapper, ivSource, softwareUnwrap };
      const patience = slow ? { slow, deadlineMs: generationDeadlineMs } : {};
      const { blob, publicKey } = await (prepared instanceof PreparedRsa
        ? link.run('wrapPrepared', { ...args, pair: prepared.require('wrapped', kind) })
        : link.run('generateWrapped', args, patience));
      return {
        wrapped: { wrappingKeyId, blob: toBuffer(blob) },
        publicKey: publicKey && toBuffer(publicKey),
      };
    });
  }

  #generate(key: NewKey, exclusively: Exclusively): Promise<Made> {
    const { pairs, inTurn } = this.#parts;
    const shape = shapeOf(key.kind.spec);
    if (isSlow(shape)) return pairs.generate({ ...key, spec: key.kind }, exclusively);
    const work = isSecret(shape)
      ? () => this.#generateSecret(key)
      : () => pairs.generateAtOnce({ ...key, spec: key.kind });
    return exclusively(() => inTurn(() => this.#orRecover(work)));
  }

  /**
   * Once more where the first attempt at recovery heals the token at once. SoftHSM 2.6.1 gives a token up for good
   * (OSToken::index) where it reads the directory again, because another process made a key, while a third one logs in;
   * who notices is most often the next to generate. A key that was made nevertheless is found: its id is taken.
   */
  async #orRecover<T>(work: () => Promise<T>): Promise<T> {
    const { link } = this.#parts;
    try {
      return await work();
    } catch (error) {
      const isLost = error instanceof HsmError && error.code === 'token-unavailable';
      if (!isLost || link.state !== 'recovering') throw error;
      await link.recovery.tried();
      return work();
    }
  }

  async #generateSecret(key: NewKey): Promise<Made> {
    const { link, options } = this.#parts;
    const { modifiable } = link.live;
    const { ivSource, durableDirectory } = options;
    const args = { ...key, modifiable, ivSource, durableDirectory };
    return { key: await link.run('generateSecret', args), publicKey: undefined };
  }
}

function preparedOf(prepared: PreparedKey | undefined): Prepared | undefined {
  if (prepared === undefined) return undefined;
  if (prepared instanceof PreparedRsa || prepared instanceof KeptTurn) return prepared;
  throw new HsmError('failed', 'a key was prepared elsewhere');
}

/** RSA takes seconds: nobody waits for it who need not. */
function isSlow({ family }: Shape): boolean {
  return family === 'rsa';
}
