import { HsmError } from './errors';
import { idBytes, toBuffer, toThread } from './formats';
import { type GcmPlain, openGcm, sealGcm } from './gcm';
import { Handles, type KeyObject } from './handles';
import type { Link } from './link';
import { type Desk, destroyObject } from './objects';
import type { Residents } from './residents';
import { TokenFault } from './return-values';
import type {
  Awaitable,
  GcmOpen,
  GcmSealed,
  TokenKey,
  TokenKeyId,
  TokenOptions,
  WrappedMaterial,
} from './types';
import { unwrapAesKey, type Wrapper } from './wrap';
import type { Wrapping } from './wrapping';

export interface KeyUseParts {
  readonly options: TokenOptions;
  readonly link: Link;
  readonly wrapping: Wrapping;
  readonly residents: Residents;
}

/** Encrypting and decrypting with keys, over a cache of their objects in the token. */
export class KeyUse {
  readonly handles: Handles;
  readonly #options: TokenOptions;
  readonly #link: Link;
  readonly #wrapping: Wrapping;
  readonly #residents: Residents;

  constructor({ options, link, wrapping, residents }: KeyUseParts) {
    this.#options = options;
    this.#link = link;
    this.#wrapping = wrapping;
    this.#residents = residents;
    this.handles = new Handles({
      max: options.maxCachedKeys,
      resolve: (key) => this.#resolve(key),
      release: (key) => this.#release(key),
    });
  }

  encryptAesGcm(key: TokenKey, aad: Buffer, plaintext: Buffer): Awaitable<GcmSealed> {
    if (plaintext.length === 0) {
      throw new HsmError('failed', 'C_Encrypt: plaintext must be 1 byte or more');
    }
    const input: GcmPlain = { aad, plaintext, ivSource: this.#options.ivSource };
    return this.#use(key, (object) => this.#seal(object, input));
  }

  decryptAesGcm(key: TokenKey, sealed: GcmOpen): Awaitable<Buffer> {
    return this.#use(key, (object) => this.#unseal(object, sealed));
  }

  /**
   * The hot path: on a local token, with a cached handle or a wrapping key that is known, everything happens before this
   * returns.
   */
  #use<T>(key: TokenKey, work: (object: KeyObject) => Awaitable<T>): Awaitable<T> {
    if (this.#link.live.inline === undefined) return this.#useLater(key, work);
    try {
      const object = this.handles.get(key.id) ?? this.#unwrapNow(key);
      if (object !== undefined) return work(object);
    } catch (error) {
      return this.#useAgain(key, work, error);
    }
    return this.#useLater(key, work);
  }

  async #useLater<T>(key: TokenKey, work: (object: KeyObject) => Awaitable<T>): Promise<T> {
    try {
      idBytes(key.id);
      return await this.handles.lend(key, work);
    } catch (error) {
      return this.#useAgain(key, work, error);
    }
  }

  /** Once more where the failure allows it: a stale handle is looked up again, a lost session replaced. */
  async #useAgain<T>(
    key: TokenKey,
    work: (object: KeyObject) => Awaitable<T>,
    thrown: unknown,
  ): Promise<T> {
    const error = await this.#link.explain(thrown);
    if (!(error instanceof TokenFault) || error.meaning.again !== true) throw error;
    if (error.meaning.stale === true) this.#forget(key);
    try {
      return await this.handles.lend(key, work);
    } catch (second) {
      throw await this.#link.explain(second);
    }
  }

  #forget({ id, wrapped }: TokenKey): void {
    this.handles.evict(id);
    if (wrapped !== undefined) this.#wrapping.keys.forget(wrapped.wrappingKeyId);
  }

  #seal(key: KeyObject, input: GcmPlain): Awaitable<GcmSealed> {
    const { inline } = this.#link.live;
    if (inline !== undefined) {
      return inline.withSession((session) =>
        sealGcm({ library: inline.library, session, key: key.object }, input),
      );
    }
    return this.#sealOnLane(key, input);
  }

  async #sealOnLane(key: KeyObject, input: GcmPlain): Promise<GcmSealed> {
    const { iv, ciphertext } = await this.#link.run('seal', {
      key: toThread(key.object),
      aad: toThread(input.aad),
      plaintext: toThread(input.plaintext),
      ivSource: input.ivSource,
    });
    return { iv: toBuffer(iv), ciphertext: toBuffer(ciphertext) };
  }

  #unseal(key: KeyObject, sealed: GcmOpen): Awaitable<Buffer> {
    const { inline } = this.#link.live;
    if (inline !== undefined) {
      return inline.withSession((session) =>
        openGcm({ library: inline.library, session, key: key.object }, sealed),
      );
    }
    return this.#unsealOnLane(key, sealed);
  }

  async #unsealOnLane(key: KeyObject, sealed: GcmOpen): Promise<Buffer> {
    const plaintext = await this.#link.run('unseal', {
      key: toThread(key.object),
      aad: toThread(sealed.aad),
      iv: toThread(sealed.iv),
      ciphertext: toThread(sealed.ciphertext),
    });
    return toBuffer(plaintext);
  }

  #resolve(key: TokenKey): Promise<KeyObject> {
    if (key.wrapped !== undefined) return this.#resolveWrapped(key, key.wrapped);
    return this.#residents.resolve(key.id);
  }

  async #resolveWrapped(
    key: TokenKey,
    { wrappingKeyId, blob }: WrappedMaterial,
  ): Promise<KeyObject> {
    const wrapper = await this.#wrapping.wrapper(wrappingKeyId);
    if (this.#link.live.inline !== undefined) return this.#unwrapInline(key.id, blob, wrapper);
    const ref = { id: wrappingKeyId, mechanism: wrapper.mechanism, key: toThread(wrapper.key) };
    const args = { id: key.id, blob: toThread(blob), wrapper: ref };
    return { object: toBuffer(await this.#link.run('unwrapAes', args)), own: true };
  }

  /** 40 to 60 µs on SoftHSM: no more than a hop to a lane costs. */
  #unwrapNow({ id, wrapped }: TokenKey): KeyObject | undefined {
    if (wrapped === undefined) return undefined;
    const wrapper = this.#wrapping.known(wrapped.wrappingKeyId);
    if (wrapper === undefined) return undefined;
    const object = this.#unwrapInline(id, wrapped.blob, wrapper);
    this.handles.put(id, object);
    return object;
  }

  #unwrapInline(id: TokenKeyId, blob: Buffer, wrapper: Wrapper): KeyObject {
    const material = { id: idBytes(id), blob };
    return { object: unwrapAesKey(this.#ownerDesk(), wrapper, material), own: true };
  }

  /** Only called between losses, so the owner session and the object's number are of the same life. */
  #release(key: KeyObject): void {
    if (!key.own || this.#link.state !== 'ready') return;
    try {
      destroyObject(this.#ownerDesk(), key.object);
    } catch (error) {
      // Out of the cache it is out of use; that the token still holds it is the operator's to know.
      const message = error instanceof Error ? error.message : String(error);
      this.#options.onEvent?.({
        level: 'warn',
        message: `session object not destroyed: ${message}`,
      });
    }
  }

  /** What is cached lives in the owner session. */
  #ownerDesk(): Desk {
    const { library, live } = this.#link;
    return { library, session: toBuffer(live.ref.owner) };
  }
}
