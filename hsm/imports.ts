import { idBytes, toBuffer, toThread } from './formats';
import type { ImportedKey, ImportKeyBits, ImportPlace } from './import-types';
import type { ImportArgs } from './import/tasks';
import type { Link } from './link';
import type { TokenKeyId, WrappedMaterial } from './material-types';
import type { TokenOptions } from './types';
import type { Wrapping } from './wrapping';

/** RSA-4096 takes SoftHSM up to 3 s on an idle machine, and others longer. */
export const generationDeadlineMs = 60_000;

export interface ImportsParts {
  readonly options: TokenOptions;
  readonly link: Link;
  readonly wrapping: Wrapping;
  /** Makes one object in the token at a time where that is necessary. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Key material that comes from outside, and the pairs of keys it is encrypted to. */
export class Imports {
  readonly #parts: ImportsParts;

  constructor(parts: ImportsParts) {
    this.#parts = parts;
  }

  async generateKeyPair(id: TokenKeyId, label: string, bits: ImportKeyBits): Promise<Buffer> {
    idBytes(id);
    const { link, options, inTurn } = this.#parts;
    const { durableDirectory } = options;
    const deadlineMs = Math.max(generationDeadlineMs, options.deadlineMs);
    const args = { id, label, bits, durableDirectory, softwareUnwrap: this.#softwareUnwrap };
    return toBuffer(await inTurn(() => link.run('generateImportPair', args, { deadlineMs })));
  }

  async destroyKeyPair(id: TokenKeyId): Promise<void> {
    idBytes(id);
    const { link, options } = this.#parts;
    await link.run('destroyPair', { id, durableDirectory: options.durableDirectory });
  }

  async identify(imported: ImportedKey): Promise<TokenKeyId> {
    return this.#parts.link.run('identifyImport', this.#args(imported));
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
