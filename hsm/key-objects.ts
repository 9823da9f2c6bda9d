import type { KeyRow } from './algorithms/key-rows';
import { idBytes, toBuffer, toThread } from './formats';
import { Handles, type KeyObject } from './handles';
import { wrongKind } from './key-kind';
import type { Link } from './link';
import { isSecret } from './material/shapes';
import { type Desk, destroyObject } from './objects';
import type { Residents } from './residents';
import type { Awaitable, TokenKey, TokenKeyId, TokenOptions, WrappedMaterial } from './types';
import { unwrapMaterial, type Wrapper } from './wrap';
import type { Wrapping } from './wrapping';

export interface KeyObjectsParts {
  readonly options: TokenOptions;
  readonly link: Link;
  readonly wrapping: Wrapping;
  readonly residents: Residents;
}

/** A key's object, proven to be of this kind. */
export interface UsableObject extends KeyObject {
  readonly row: KeyRow;
}

interface WantedKey extends TokenKey {
  readonly row: KeyRow;
}

/** Objects in the token of the keys in use, found or unwrapped where they are not there yet. */
export class KeyObjects {
  readonly handles: Handles<WantedKey, UsableObject>;
  readonly #parts: KeyObjectsParts;

  constructor(parts: KeyObjectsParts) {
    this.#parts = parts;
    this.handles = new Handles({
      max: parts.options.maxCachedKeys,
      resolve: (key) => this.#resolve(key),
      release: (object) => this.#release(object),
    });
  }

  /** Without waiting: what is cached, or a secret that is unwrapped at once. Only where calls are made inline. */
  now(key: TokenKey, row: KeyRow): UsableObject | undefined {
    const object = this.handles.get(key.id) ?? this.#unwrapNow(key, row);
    if (object !== undefined) requireRow(object, row);
    return object;
  }

  /** See Handles.lend. */
  lend<T>(
    { id, wrapped }: TokenKey,
    row: KeyRow,
    work: (object: UsableObject) => Awaitable<T>,
  ): Promise<T> {
    return this.handles.lend({ id, wrapped, row }, (object) => {
      requireRow(object, row);
      return work(object);
    });
  }

  forget({ id, wrapped }: TokenKey): void {
    this.handles.evict(id);
    if (wrapped !== undefined) this.#parts.wrapping.keys.forget(wrapped.wrappingKeyId);
  }

  #resolve({ id, wrapped, row }: WantedKey): Promise<UsableObject> {
    if (wrapped !== undefined) return this.#resolveWrapped({ id, wrapped, row });
    return this.#parts.residents.resolve(id, row);
  }

  async #resolveWrapped(key: {
    readonly id: TokenKeyId;
    readonly wrapped: WrappedMaterial;
    readonly row: KeyRow;
  }): Promise<UsableObject> {
    const { link, wrapping } = this.#parts;
    const { id, wrapped, row } = key;
    const wrapper = await wrapping.wrapper(wrapped.wrappingKeyId);
    if (this.#unwrapsInline(row)) return this.#unwrapInline(key, wrapper);
    const ref = {
      id: wrapped.wrappingKeyId,
      mechanism: wrapper.mechanism,
      key: toThread(wrapper.key),
    };
    const args = { id, blob: toThread(wrapped.blob), kind: row.kind, wrapper: ref };
    return { object: toBuffer(await link.run('unwrap', args)), own: true, row };
  }

  /** 40 to 60 µs on SoftHSM for a secret: no more than a hop to a lane costs. A private key takes ten times that. */
  #unwrapsInline({ shape }: KeyRow): boolean {
    return isSecret(shape) && this.#parts.link.live.inline !== undefined;
  }

  #unwrapNow({ id, wrapped }: TokenKey, row: KeyRow): UsableObject | undefined {
    if (wrapped === undefined || !this.#unwrapsInline(row)) return undefined;
    const wrapper = this.#parts.wrapping.known(wrapped.wrappingKeyId);
    if (wrapper === undefined) return undefined;
    const object = this.#unwrapInline({ id, wrapped, row }, wrapper);
    this.handles.put(id, object);
    return object;
  }

  #unwrapInline(
    {
      id,
      wrapped,
      row,
    }: { readonly id: TokenKeyId; readonly wrapped: WrappedMaterial; readonly row: KeyRow },
    wrapper: Wrapper,
  ): UsableObject {
    const material = { id: idBytes(id), blob: wrapped.blob, row };
    return { object: unwrapMaterial(this.#ownerDesk(), wrapper, material), own: true, row };
  }

  /** Only called between losses, so the owner session and the object's number are of the same life. */
  #release(key: KeyObject): void {
    const { link, options } = this.#parts;
    if (!key.own || link.state !== 'ready') return;
    try {
      destroyObject(this.#ownerDesk(), key.object);
    } catch (error) {
      // Out of the cache it is out of use; that the token still holds it is the operator's to know.
      const message = error instanceof Error ? error.message : String(error);
      options.onEvent?.({ level: 'warn', message: `session object not destroyed: ${message}` });
    }
  }

  /** What is cached lives in the owner session. */
  #ownerDesk(): Desk {
    const { library, live } = this.#parts.link;
    return { library, session: toBuffer(live.ref.owner) };
  }
}

/** Whoever asks for a key under another kind than the one that it was proven to be of is refused. */
function requireRow(object: UsableObject, row: KeyRow): void {
  if (object.row !== row) throw wrongKind(row);
}
