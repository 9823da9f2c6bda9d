import { HsmError } from './errors';
import { idBytes, toBuffer, toThread } from './formats';
import { type GcmPlain, openGcm, sealGcm } from './gcm';
import { Handles, type KeyObject } from './handles';
import { Imports } from './imports';
import { Link } from './link';
import { destroyObject, drawRandom } from './objects';
import { Reservoir } from './reservoir';
import { TokenFault } from './return-values';
import type {
  Awaitable,
  Capabilities,
  GcmOpen,
  GcmSealed,
  ImportedKey,
  ImportKeyBits,
  ImportPlace,
  ImportedWrappingKey,
  Token,
  TokenCounters,
  TokenKey,
  TokenKeyId,
  TokenOptions,
  TokenStatus,
  WrappedMaterial,
} from './types';

/** Full scans and the full table of known-answer tests. */
const scanDeadlineMs = 60_000;
const maxRandomBytes = 65_536;

/** The operations, over a link that recovers and a cache of handles. */
export class Pkcs11Token implements Token {
  readonly #options: TokenOptions;
  readonly #onFreed: () => void;
  readonly #link: Link;
  readonly #handles: Handles;
  readonly #generating = new Set<TokenKeyId>();
  readonly #imports: Imports;
  #turn: Promise<unknown> = Promise.resolve();
  readonly #reservoir = new Reservoir(async (length) =>
    toBuffer(await this.#link.run('random', { length })),
  );

  private constructor(options: TokenOptions, onFreed: () => void) {
    this.#options = options;
    this.#onFreed = onFreed;
    this.#handles = new Handles({
      max: options.maxCachedKeys,
      resolve: (id) => this.#resolve(id),
      release: (key) => this.#release(key),
    });
    this.#link = new Link(options, () => this.#handles.drop());
    this.#imports = new Imports({
      options,
      link: this.#link,
      inTurn: (work) => this.#inTurn(work),
    });
  }

  /**
   * Connects, logs in and proves the token; nothing stays open when that fails. `onFreed` is told when this process has
   * let go of the module, which it cannot while a call hangs in it.
   */
  static async open(options: TokenOptions, onFreed: () => void): Promise<Pkcs11Token> {
    const token = Pkcs11Token.#make(options, onFreed);
    try {
      await token.#link.connect(false);
      if (!options.local) await token.#reservoir.fill();
    } catch (error) {
      await token.#closeAfter(error);
      throw error;
    }
    token.#link.startWatch();
    return token;
  }

  static #make(options: TokenOptions, onFreed: () => void): Pkcs11Token {
    try {
      return new Pkcs11Token(options, onFreed);
    } catch (error) {
      onFreed();
      throw error;
    }
  }

  get capabilities(): Capabilities {
    return this.#link.last.capabilities;
  }

  status(): TokenStatus {
    const { ref, manufacturer, model } = this.#link.last;
    const { label } = this.#options;
    return { state: this.#link.state, label, serial: ref.serial, manufacturer, model };
  }

  counters(): TokenCounters {
    const { lanes, recovery, state } = this.#link;
    const own = state === 'ready' ? 1 + (this.#link.live.inline?.isOpen === true ? 1 : 0) : 0;
    return {
      sessions: own + lanes.sessions,
      cachedKeys: this.#handles.size,
      cacheHits: this.#handles.hits,
      cacheMisses: this.#handles.misses,
      recoveries: recovery.recoveries,
      queued: lanes.queued,
      blockedLanes: lanes.blocked,
    };
  }

  generateRandom(length: number): Buffer {
    if (!Number.isInteger(length) || length < 1 || length > maxRandomBytes) {
      throw new HsmError(
        'failed',
        `C_GenerateRandom: length must be 1 to ${String(maxRandomBytes)}`,
      );
    }
    const { inline } = this.#link.live;
    if (inline === undefined) return this.#reservoir.take(length);
    try {
      return inline.withSession((session) =>
        drawRandom({ library: inline.library, session }, length),
      );
    } catch (error) {
      void this.#link.explain(error);
      throw error;
    }
  }

  async generateAesKey(id: TokenKeyId, label: string): Promise<void> {
    idBytes(id);
    if (this.#generating.has(id)) {
      throw new HsmError('duplicate-key', `C_GenerateKey: CKA_ID ${id} is being generated`);
    }
    this.#generating.add(id);
    try {
      await this.#inTurn(() => this.#generate(id, label));
    } finally {
      this.#generating.delete(id);
    }
  }

  #generate(id: TokenKeyId, label: string): Promise<void> {
    const { modifiable } = this.#link.live;
    const { ivSource, durableDirectory } = this.#options;
    return this.#link.run('generateAes', { id, label, modifiable, ivSource, durableDirectory });
  }

  /** SoftHSM fails some of the generations that run at once in one process (CKR_GENERAL_ERROR): one at a time. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    if (!this.#options.local) return work();
    const result = this.#turn.then(work);
    this.#turn = result.catch(() => undefined);
    return result;
  }

  encryptAesGcm(key: TokenKey, aad: Buffer, plaintext: Buffer): Awaitable<GcmSealed> {
    if (plaintext.length === 0) {
      throw new HsmError('failed', 'C_Encrypt: plaintext must be 1 byte or more');
    }
    const input: GcmPlain = { aad, plaintext, ivSource: this.#options.ivSource };
    return this.#use(key.id, (object) => this.#seal(object, input));
  }

  decryptAesGcm(key: TokenKey, sealed: GcmOpen): Awaitable<Buffer> {
    return this.#use(key.id, (object) => this.#unseal(object, sealed));
  }

  evict(id: TokenKeyId): void {
    this.#handles.evict(id);
  }

  evictAll(): void {
    this.#handles.evictAll();
  }

  async destroyKey(id: TokenKeyId): Promise<void> {
    idBytes(id);
    const { durableDirectory } = this.#options;
    this.#handles.evict(id);
    try {
      await this.#link.run('destroy', { id, durableDirectory });
    } finally {
      // A use that ran beside it may have cached the key again.
      this.#handles.evict(id);
    }
  }

  generateImportKeyPair(id: TokenKeyId, label: string, bits: ImportKeyBits): Promise<Buffer> {
    return this.#imports.generateKeyPair(id, label, bits);
  }

  destroyKeyPair(id: TokenKeyId): Promise<void> {
    return this.#imports.destroyKeyPair(id);
  }

  identifyImport(imported: ImportedKey): Promise<TokenKeyId> {
    return this.#imports.identify(imported);
  }

  admitImport(
    imported: ImportedKey,
    id: TokenKeyId,
    place: ImportPlace,
  ): Promise<WrappedMaterial | undefined> {
    return this.#imports.admit(imported, id, place);
  }

  listKeys(labelPrefix: string): Promise<TokenKeyId[]> {
    return this.#link.run('list', { labelPrefix }, { deadlineMs: scanDeadlineMs });
  }

  createWrappingKey(id: TokenKeyId): Promise<void> {
    return unmade(id);
  }

  generateWrappedAesKey(wrappingKeyId: TokenKeyId): Promise<WrappedMaterial> {
    return unmade(wrappingKeyId);
  }

  hasKey(id: TokenKeyId): Promise<boolean> {
    return unmade(id);
  }

  rewrap(material: WrappedMaterial): Promise<WrappedMaterial> {
    return unmade(material.wrappingKeyId);
  }

  generateTransferKeyPair(id: TokenKeyId): Promise<Buffer> {
    return unmade(id);
  }

  exportWrappingKey(id: TokenKeyId): Promise<Buffer> {
    return unmade(id);
  }

  importWrappingKey(key: ImportedWrappingKey): Promise<void> {
    return unmade(key.id);
  }

  check(): Promise<void> {
    return this.#link.check();
  }

  inspect(): Promise<Capabilities> {
    const { ivSource, softwareUnwrap = true } = this.#options;
    return this.#link.run('inspect', { ivSource, softwareUnwrap }, { deadlineMs: scanDeadlineMs });
  }

  recover(): Promise<void> {
    return this.#link.recovery.now();
  }

  async close(): Promise<void> {
    this.#handles.drop();
    await this.#link.close();
    if (this.#link.lanes.blocked === 0) this.#onFreed();
  }

  /** Why it could not be opened matters more than why it cannot be closed; both are told. */
  async #closeAfter(reason: unknown): Promise<void> {
    try {
      await this.close();
    } catch (error) {
      const [opened, closed] = [reason, error].map((one) =>
        one instanceof Error ? one.message : String(one),
      );
      const message = `not closed: ${String(closed)}, after: ${String(opened)}`;
      this.#options.onEvent?.({ level: 'warn', message });
    }
  }

  /** The hot path: with a cached handle and a local token, everything happens before this returns. */
  #use<T>(id: TokenKeyId, work: (key: KeyObject) => Awaitable<T>): Awaitable<T> {
    const key = this.#link.live.inline === undefined ? undefined : this.#handles.get(id);
    if (key === undefined) return this.#useLater(id, work);
    try {
      return work(key);
    } catch (error) {
      return this.#useAgain(id, work, error);
    }
  }

  async #useLater<T>(id: TokenKeyId, work: (key: KeyObject) => Awaitable<T>): Promise<T> {
    try {
      idBytes(id);
      return await work(await this.#handles.find(id));
    } catch (error) {
      return this.#useAgain(id, work, error);
    }
  }

  /** Once more where the failure allows it: a stale handle is looked up again, a lost session replaced. */
  async #useAgain<T>(
    id: TokenKeyId,
    work: (key: KeyObject) => Awaitable<T>,
    thrown: unknown,
  ): Promise<T> {
    const error = await this.#link.explain(thrown);
    if (!(error instanceof TokenFault) || error.meaning.again !== true) throw error;
    if (error.meaning.stale === true) this.#handles.evict(id);
    try {
      return await work(await this.#handles.find(id));
    } catch (second) {
      throw await this.#link.explain(second);
    }
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

  async #resolve(id: TokenKeyId): Promise<KeyObject> {
    const { clones } = this.#link.live;
    const found = await this.#link.run('resolve', { id, clone: clones });
    return { object: toBuffer(found.object), clone: found.clone };
  }

  /** Only called between losses, so the owner session and the clone's number are of the same life. */
  #release(key: KeyObject): void {
    if (!key.clone || this.#link.state !== 'ready') return;
    const { library, live } = this.#link;
    try {
      destroyObject({ library, session: toBuffer(live.ref.owner) }, key.object);
    } catch (error) {
      // Out of the cache it is out of use; that the token still holds it is the operator's to know.
      const message = error instanceof Error ? error.message : String(error);
      this.#options.onEvent?.({ level: 'warn', message: `clone not destroyed: ${message}` });
    }
  }
}

function unmade<T>(id: TokenKeyId): Promise<T> {
  return Promise.reject(new HsmError('mechanism-missing', `nothing can be done with ${id} yet`));
}
