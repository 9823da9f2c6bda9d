import { idBytes, toBuffer, toThread } from './formats';
import type { IdentifiedImport, ImportedKey, ImportPlace, WantedPair } from './import-types';
import type { ImportArgs } from './import/tasks';
import type { KeyPairs } from './key-pairs';
import type { Link } from './link';
import type { TokenKeyId, WrappedMaterial } from './material-types';
import type { TokenOptions } from './types';
import type { Wrapping } from './wrapping';

export interface ImportsParts {
  readonly options: TokenOptions;
  readonly link: Link;
  readonly wrapping: Wrapping;
  readonly pairs: KeyPairs;
  /** Makes one object in the token at a time where that is necessary. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Key material that comes from outside, and the pairs of keys it is encrypted to. */
export class Imports {
  readonly #parts: ImportsParts;

  constructor(parts: ImportsParts) {
    this.#parts = parts;
  }

  async generateKeyPair(id: TokenKeyId, label: string, wanted: WantedPair): Promise<Buffer> {
    const { bits, algorithm, exclusively, asker } = wanted;
    const softwareUnwrap = this.#softwareUnwrap;
    if (algorithm !== undefined) {
      await this.#parts.link.run('requireImport', { algorithm, softwareUnwrap });
    }
    const pair = { id, label, spec: { purpose: 'import', bits }, asker } as const;
    return toBuffer((await this.#parts.pairs.generate(pair, exclusively)).publicKey);
  }

  async destroyKeyPair(id: TokenKeyId): Promise<void> {
    const { link, options } = this.#parts;
    await link.run('destroyPair', { id, durableDirectory: options.durableDirectory });
  }

  async identify(imported: ImportedKey): Promise<IdentifiedImport> {
    const { id, publicKey } = await this.#parts.link.run('identifyImport', this.#args(imported));
    return { id, publicKey: publicKey && toBuffer(publicKey) };
  }

  async admit(
    imported: ImportedKey,
    id: TokenKeyId,
    place: ImportPlace,
  ): Promise<WrappedMaterial | undefined> {
    idBytes(id);
    const args = { ...this.#args(imported), id };
    if ('wrappingKeyId' in place) return this.#admitWrapped(args, place.wrappingKeyId);
    const { link, options, inTurn } = this.#parts;
    const { durableDirectory } = options;
    await inTurn(() => {
      const { modifiable } = link.live;
      return link.run('admitResident', { ...args, ...place, modifiable, durableDirectory });
    });
    return undefined;
  }

  async #admitWrapped(
    args: ImportArgs & { id: TokenKeyId },
    wrappingKeyId: TokenKeyId,
  ): Promise<WrappedMaterial> {
    const { link, wrapping } = this.#parts;
    return wrapping.again([wrappingKeyId], async () => {
      const wrapper = await wrapping.ref(wrappingKeyId);
      const blob = await link.run('admitWrapped', { ...args, wrapper });
      return { wrappingKeyId, blob: toBuffer(blob) };
    });
  }

  get #softwareUnwrap(): boolean {
    return this.#parts.options.softwareUnwrap ?? true;
  }

  #args(imported: ImportedKey): ImportArgs {
    idBytes(imported.importKeyId);
    return {
      ...imported,
      encrypted: toThread(imported.encrypted),
      softwareUnwrap: this.#softwareUnwrap,
    };
  }
}
