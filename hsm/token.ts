import { AesUse } from './aes-use';
import { DataKeyPairs } from './data-key-pairs';
import { idBytes } from './formats';
import { Generation } from './generation';
import { Imports } from './imports';
import { KeyPairs } from './key-pairs';
import { KeyObjects } from './key-objects';
import { KeyUse } from './key-use';
import { Link } from './link';
import { MaterialUses } from './material-uses';
import { RandomSource } from './random-source';
import { Residents, scanDeadlineMs } from './residents';
import { SlowTurn } from './slow-turn';
import { Transfers } from './transfers';
import { Turn } from './turn';
import type {
  Awaitable,
  Capabilities,
  DataKeyPair,
  DataKeyPairSpec,
  Encapsulated,
  Exclusively,
  GcmOpen,
  GcmSealed,
  GeneratedKey,
  GeneratedWrappedKey,
  IdentifiedImport,
  ImportedWrappingKey,
  ImportedKey,
  ImportPlace,
  MaterialKey,
  MaterialKind,
  NewKeyName,
  PreparedKey,
  PreparedPlace,
  RsaEncryptionAlgorithm,
  SigningRequest,
  Token,
  TokenCounters,
  TokenKey,
  TokenKeyId,
  TokenObject,
  TokenOptions,
  TokenStatus,
  WantedPair,
  WrappedMaterial,
} from './types';
import { Wrapping } from './wrapping';

/** The operations, over a link that recovers and a cache of handles. */
export class Pkcs11Token implements Token {
  readonly #options: TokenOptions;
  readonly #onFreed: () => void;
  readonly #link: Link;
  readonly #wrapping: Wrapping;
  readonly #residents: Residents;
  readonly #objects: KeyObjects;
  readonly #aes: AesUse;
  readonly #uses: MaterialUses;
  readonly #transfers: Transfers;
  readonly #turn = new Turn();
  readonly #generation: Generation;
  readonly #dataKeyPairs: DataKeyPairs;
  readonly #imports: Imports;
  readonly #random: RandomSource;

  private constructor(options: TokenOptions, onFreed: () => void) {
    this.#options = options;
    this.#onFreed = onFreed;
    this.#link = new Link(options, () => this.#forgetHandles());
    const parts = {
      options,
      link: this.#link,
      inTurn: <T>(work: () => Promise<T>) => this.#inTurn(work),
    };
    this.#random = new RandomSource(this.#link);
    this.#wrapping = new Wrapping(parts);
    this.#residents = new Residents(parts);
    const found = { wrapping: this.#wrapping, residents: this.#residents };
    this.#objects = new KeyObjects({ ...parts, ...found });
    const use = new KeyUse({ ...parts, objects: this.#objects });
    this.#aes = new AesUse({ ...parts, use });
    this.#uses = new MaterialUses({ ...parts, use });
    const slow = new SlowTurn();
    const pairs = new KeyPairs({ ...parts, slow });
    this.#generation = new Generation({ ...parts, ...found, pairs });
    this.#dataKeyPairs = new DataKeyPairs({ ...parts, slow });
    this.#transfers = new Transfers({ ...parts, wrapping: this.#wrapping, pairs });
    this.#imports = new Imports({ ...parts, wrapping: this.#wrapping, pairs });
  }

  /**
   * Connects, logs in and proves the token; nothing stays open when that fails. `onFreed` is told when this process has
   * let go of the module, which it cannot while a call hangs in it.
   */
  static async open(options: TokenOptions, onFreed: () => void): Promise<Pkcs11Token> {
    const token = Pkcs11Token.#make(options, onFreed);
    try {
      await token.#link.connect(false);
      if (!options.local) await token.#random.fill();
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

  /** Of the last recovery: see TokenEvent. */
  get pinRefused(): boolean {
    return this.#link.recovery.pinRefused;
  }

  status(): TokenStatus {
    const { ref, manufacturer, model } = this.#link.last;
    const { label } = this.#options;
    return { state: this.#link.state, label, serial: ref.serial, manufacturer, model };
  }

  counters(): TokenCounters {
    const { queued, blocked, sessions, recovery, state } = this.#link;
    const own = state === 'ready' ? 1 + (this.#link.live.inline?.isOpen === true ? 1 : 0) : 0;
    return {
      sessions: own + sessions,
      cachedKeys: this.#objects.handles.size,
      cacheHits: this.#objects.handles.hits,
      cacheMisses: this.#objects.handles.misses,
      keySearches: this.#residents.searches,
      recoveries: recovery.recoveries,
      queued,
      blockedLanes: blocked,
    };
  }

  generateRandom(length: number): Buffer {
    return this.#random.draw(length);
  }

  /** SoftHSM fails some of the generations that run at once in one process (CKR_GENERAL_ERROR): one at a time. */
  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    return this.#options.local ? this.#turn.take(work) : work();
  }

  encryptAesGcm(key: TokenKey, aad: Buffer, plaintext: Buffer): Awaitable<GcmSealed> {
    return this.#aes.encryptAesGcm(key, aad, plaintext);
  }

  decryptAesGcm(key: TokenKey, sealed: GcmOpen): Awaitable<Buffer> {
    return this.#aes.decryptAesGcm(key, sealed);
  }

  sign(key: MaterialKey, request: SigningRequest): Awaitable<Buffer> {
    return this.#uses.sign(key, request);
  }

  mac(key: MaterialKey, message: Buffer): Awaitable<Buffer> {
    return this.#uses.mac(key, message);
  }

  decryptOaep(
    key: MaterialKey,
    algorithm: RsaEncryptionAlgorithm,
    ciphertext: Buffer,
  ): Awaitable<Buffer> {
    return this.#uses.decryptOaep(key, algorithm, ciphertext);
  }

  agree(key: MaterialKey, peer: Buffer): Awaitable<Buffer> {
    return this.#uses.agree(key, peer);
  }

  encapsulate(kind: MaterialKind, publicKey: Buffer): Promise<Encapsulated> {
    return this.#uses.encapsulate(kind, publicKey);
  }

  decapsulate(key: MaterialKey, ciphertext: Buffer): Promise<Buffer> {
    return this.#uses.decapsulate(key, ciphertext);
  }

  requireKind(kind: MaterialKind): Promise<void> {
    return this.#uses.requireKind(kind);
  }

  prepareKey(
    kind: MaterialKind,
    place: PreparedPlace,
    asker?: string,
  ): Promise<PreparedKey | undefined> {
    return this.#generation.prepareKey(kind, place, asker);
  }

  generateKey(
    kind: MaterialKind,
    name: NewKeyName,
    exclusively?: Exclusively,
  ): Promise<GeneratedKey> {
    return this.#generation.generateKey(kind, name, exclusively);
  }

  generateWrappedKey(
    kind: MaterialKind,
    wrappingKeyId: TokenKeyId,
    prepared?: PreparedKey,
  ): Promise<GeneratedWrappedKey> {
    return this.#generation.generateWrappedKey(kind, wrappingKeyId, prepared);
  }

  generateDataKeyPair(spec: DataKeyPairSpec, asker?: string): Promise<DataKeyPair> {
    return this.#dataKeyPairs.generate(spec, asker);
  }

  evict(id: TokenKeyId): void {
    this.#objects.handles.evict(id);
  }

  evictAll(): void {
    this.#objects.handles.evictAll();
  }

  async destroyKey(id: TokenKeyId): Promise<void> {
    idBytes(id);
    const { durableDirectory } = this.#options;
    await this.#destroying(id, () => this.#link.run('destroy', { id, durableDirectory }));
  }

  /** A clone outlives its original. */
  async #destroying(id: TokenKeyId, destroy: () => Promise<void>): Promise<void> {
    this.#forget(id);
    try {
      await destroy();
    } finally {
      // A use that ran beside it may have cached the key again.
      this.#forget(id);
    }
  }

  #forget(id: TokenKeyId): void {
    this.#objects.handles.evict(id);
    this.#wrapping.keys.forget(id);
    this.#residents.delete(id);
  }

  generateImportKeyPair(id: TokenKeyId, label: string, wanted: WantedPair): Promise<Buffer> {
    return this.#imports.generateKeyPair(id, label, wanted);
  }

  async destroyKeyPair(id: TokenKeyId): Promise<void> {
    idBytes(id);
    await this.#destroying(id, () => this.#imports.destroyKeyPair(id));
  }

  identifyImport(imported: ImportedKey): Promise<IdentifiedImport> {
    return this.#imports.identify(imported);
  }

  admitImport(
    imported: ImportedKey,
    id: TokenKeyId,
    place: ImportPlace,
  ): Promise<WrappedMaterial | undefined> {
    return this.#imports.admit(imported, id, place);
  }

  async listKeys(labelPrefix: string): Promise<TokenKeyId[]> {
    const objects = await this.listObjects(labelPrefix);
    return objects.flatMap(({ kind, id }) => (kind === 'secret-key' ? [id] : []));
  }

  listObjects(labelPrefix: string): Promise<TokenObject[]> {
    return this.#link.run('list', { labelPrefix }, { deadlineMs: scanDeadlineMs });
  }

  createWrappingKey(
    id: TokenKeyId,
    label: string,
    { exportable }: { readonly exportable: boolean },
  ): Promise<void> {
    return this.#wrapping.create(id, label, exportable);
  }

  async hasKey(id: TokenKeyId): Promise<boolean> {
    idBytes(id);
    return this.#residents.has(id);
  }

  rewrap(
    material: WrappedMaterial,
    kind: MaterialKind,
    wrappingKeyId: TokenKeyId,
  ): Promise<WrappedMaterial> {
    return this.#wrapping.rewrap(material, kind, wrappingKeyId);
  }

  generateTransferKeyPair(
    id: TokenKeyId,
    label: string,
    exclusively?: Exclusively,
  ): Promise<Buffer> {
    return this.#transfers.generateKeyPair(id, label, exclusively);
  }

  exportWrappingKey(id: TokenKeyId, publicKey: Buffer): Promise<Buffer> {
    return this.#transfers.export(id, publicKey);
  }

  importWrappingKey(key: ImportedWrappingKey): Promise<void> {
    return this.#transfers.import(key);
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
    this.#forgetHandles();
    await this.#link.close();
    if (this.#link.blocked === 0) this.#onFreed();
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

  #forgetHandles(): void {
    this.#objects.handles.drop();
    this.#wrapping.keys.drop();
    this.#residents.drop();
  }
}
