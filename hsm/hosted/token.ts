import { HsmError } from '../errors';
import { toBuffer } from '../formats';
import { ivBytes, tagBytes } from '../gcm';
import { requireRandomLength } from '../random-source';
import { Reservoir } from '../reservoir';
import { scanDeadlineMs } from '../residents';
import { generationDeadlineMs } from '../slow-turn';
import type {
  Capabilities,
  Exclusively,
  GcmOpen,
  GcmSealed,
  GeneratedKey,
  MaterialKind,
  NewKeyName,
  Token,
  TokenCounters,
  TokenKey,
  TokenKeyId,
  TokenObject,
  TokenOptions,
  TokenStatus,
} from '../types';
import { AesOnly, requireAes } from './aes-only';
import { Lives } from './lives';
import type { HostedMethod } from './messages';

/** Calls that wait for the token's process at the most: beyond, the caller would meet the deadline anyway. */
const mostPending = 1024;

/**
 * A token that a process of its own serves, because a PKCS#11 library has one configuration, one login and one C_Finalize a
 * process. The library may hang or crash there: it is killed and started again, and the daemon goes on.
 */
export class HostedToken extends AesOnly implements Token {
  readonly #lives: Lives;
  readonly #label: string;
  readonly #deadlineMs: number;
  readonly #random = new Reservoir(async (length) =>
    bytesOf(toBuffer(await this.#ask<Uint8Array>('generateRandom', [length])), length),
  );

  private constructor(token: TokenOptions, environment: Readonly<Record<string, string>>) {
    super();
    this.#label = token.label;
    this.#deadlineMs = token.deadlineMs;
    this.#lives = new Lives({ token, environment, onOpened: () => this.#random.fill() });
  }

  /** Rejects as openToken does; no process stays then. */
  static async open(
    options: TokenOptions,
    environment: Readonly<Record<string, string>>,
  ): Promise<HostedToken> {
    const token = new HostedToken(options, environment);
    await token.#lives.open();
    return token;
  }

  get capabilities(): Capabilities {
    return this.#lives.last.capabilities;
  }

  status(): TokenStatus {
    const { status } = this.#lives.last;
    return { ...status, label: this.#label, state: this.#lives.state };
  }

  counters(): TokenCounters {
    return this.#lives.counters;
  }

  /** Of what was fetched ahead, while the token serves. */
  generateRandom(length: number): Buffer {
    requireRandomLength(length);
    this.#lives.requireReady();
    return this.#random.take(length);
  }

  async encryptAesGcm(key: TokenKey, aad: Buffer, plaintext: Buffer): Promise<GcmSealed> {
    const sealed = await this.#ask<GcmSealed>('encryptAesGcm', [key, aad, plaintext]);
    bytesOf(sealed.iv, ivBytes);
    bytesOf(sealed.ciphertext, plaintext.length + tagBytes);
    return sealed;
  }

  async decryptAesGcm(key: TokenKey, sealed: GcmOpen): Promise<Buffer> {
    const plaintext = await this.#ask<Buffer>('decryptAesGcm', [key, sealed]);
    return bytesOf(plaintext, sealed.ciphertext.length - tagBytes);
  }

  async requireKind(kind: MaterialKind): Promise<void> {
    requireAes(kind);
    await this.#ask('requireKind', [kind], scanDeadlineMs);
  }

  async generateKey(
    kind: MaterialKind,
    name: NewKeyName,
    exclusively: Exclusively = (work) => work(),
  ): Promise<GeneratedKey> {
    requireAes(kind);
    const { id, label } = name;
    this.#requireRoom();
    const patience = { deadlineMs: generationDeadlineMs, exclusively };
    return (await this.#lives.call('generateKey', [kind, { id, label }], patience)) as GeneratedKey;
  }

  evict(id: TokenKeyId): void {
    this.#lives.tell({ is: 'evict', id });
  }

  evictAll(): void {
    this.#lives.tell({ is: 'evictAll' });
  }

  destroyKey(id: TokenKeyId): Promise<void> {
    return this.#ask('destroyKey', [id], scanDeadlineMs);
  }

  hasKey(id: TokenKeyId): Promise<boolean> {
    return this.#ask('hasKey', [id], scanDeadlineMs);
  }

  listKeys(labelPrefix: string): Promise<TokenKeyId[]> {
    return this.#ask('listKeys', [labelPrefix], scanDeadlineMs);
  }

  listObjects(labelPrefix: string): Promise<TokenObject[]> {
    return this.#ask('listObjects', [labelPrefix], scanDeadlineMs);
  }

  check(): Promise<void> {
    return this.#ask('check', []);
  }

  inspect(): Promise<Capabilities> {
    return this.#ask('inspect', [], scanDeadlineMs);
  }

  recover(): Promise<void> {
    return this.#lives.recover(scanDeadlineMs);
  }

  close(): Promise<void> {
    return this.#lives.close();
  }

  async #ask<T>(method: HostedMethod, args: readonly unknown[], leastMs = 0): Promise<T> {
    this.#requireRoom();
    const deadlineMs = Math.max(leastMs, this.#deadlineMs);
    return (await this.#lives.call(method, args, { deadlineMs })) as T;
  }

  #requireRoom(): void {
    if (this.#lives.pending < mostPending) return;
    throw new HsmError('token-unavailable', 'too many calls are waiting for the token');
  }
}

/** So many as were asked for: what answers otherwise is no token, and its callers take no other for granted. */
function bytesOf(bytes: unknown, length: number): Buffer {
  if (Buffer.isBuffer(bytes) && bytes.length === length) return bytes;
  throw new HsmError('failed', `the token's process did not answer with ${String(length)} bytes`);
}
