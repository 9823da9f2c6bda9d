import { HsmError } from './errors';
import { idBytes, toBuffer, toThread } from './formats';
import type { Link } from './link';
import type { MaterialKind, TokenKeyId, WrappedMaterial } from './material-types';
import { TokenFault } from './return-values';
import type { TokenOptions } from './types';
import type { Wrapper, WrapMechanism } from './wrap';
import { WrappingKeys } from './wrapping-keys';
import type { WrapperRef } from './wrapping-tasks';

export interface WrappingParts {
  readonly options: TokenOptions;
  readonly link: Link;
  /** Makes one object in the token at a time where that is necessary. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

/** Key material that is kept outside of the token, and the keys of the token that wrap it. */
export class Wrapping {
  readonly keys: WrappingKeys;
  readonly #parts: WrappingParts;

  constructor(parts: WrappingParts) {
    this.#parts = parts;
    this.keys = new WrappingKeys(async (id) =>
      toBuffer(await parts.link.run('findWrappingKey', { id })),
    );
  }

  /** Without waiting, where this wrapping key was used before. */
  known(id: TokenKeyId): Wrapper | undefined {
    const key = this.keys.get(id);
    return key && { mechanism: this.mechanism().mechanism, key };
  }

  async wrapper(id: TokenKeyId): Promise<Wrapper> {
    idBytes(id);
    const { mechanism } = this.mechanism();
    return { mechanism, key: await this.keys.find(id) };
  }

  async create(id: TokenKeyId, label: string, exportable: boolean): Promise<void> {
    idBytes(id);
    const { link, options, inTurn } = this.#parts;
    const { ivSource, durableDirectory } = options;
    await inTurn(() => {
      const { mechanism } = this.mechanism();
      const modifiable = link.live.wrappingModifiable;
      const key = { id, label, exportable, modifiable };
      return link.run('createWrappingKey', { ...key, mechanism, ivSource, durableDirectory });
    });
  }

  rewrap(
    material: WrappedMaterial,
    kind: MaterialKind,
    wrappingKeyId: TokenKeyId,
  ): Promise<WrappedMaterial> {
    return this.again([material.wrappingKeyId, wrappingKeyId], async () => {
      const from = await this.ref(material.wrappingKeyId);
      const to = await this.ref(wrappingKeyId);
      const args = { blob: toThread(material.blob), kind, from, to };
      return { wrappingKeyId, blob: toBuffer(await this.#parts.link.run('rewrap', args)) };
    });
  }

  async ref(id: TokenKeyId): Promise<WrapperRef> {
    const { mechanism, key } = await this.wrapper(id);
    return { id, mechanism, key: toThread(key) };
  }

  /** Once more where a wrapping key's handle was stale. */
  async again<T>(ids: readonly TokenKeyId[], work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (!(error instanceof TokenFault) || error.meaning.stale !== true) throw error;
      for (const id of ids) this.keys.forget(id);
      return work();
    }
  }

  mechanism(): WrapMechanism {
    const { wrapping } = this.#parts.link.live;
    if (typeof wrapping !== 'string') return wrapping;
    throw new HsmError('mechanism-missing', wrapping);
  }
}
