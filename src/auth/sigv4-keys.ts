import { createHmac, hash, randomBytes, timingSafeEqual } from 'node:crypto';
import { Generations } from './generations';
import { Secret } from './secret';
import { TERMINATOR } from './sigv4-signer';
import type { Signer, SigningScope } from './sigv4-signer';

const BLOCK_BYTES = 64;
const DIGEST_BYTES = 32;
const DIGEST_HEX = 64;
const ISO_LENGTH = 'YYYYMMDDTHHMMSSZ'.length;
const INNER_PAD = 0x36;
const OUTER_PAD = 0x5c;
export const SIGNATURE = /^[0-9a-f]{64}$/;
const NO_SIGNATURE = '-'.repeat(DIGEST_HEX);
const PREFIX = 'AWS4-HMAC-SHA256\n';

/**
 * One derived signing key, ready for use. HMAC-SHA256 (RFC 2104) is two one-shot hashes over two
 * buffers whose padded keys are written once; of the string to sign, only the time and the hash of
 * the canonical request ever change. That halves what createHmac costs, which matters because every
 * request pays it.
 */
export class SigningKey {
  readonly #inner: Buffer;
  readonly #outer: Buffer;
  readonly #expected = Buffer.alloc(DIGEST_HEX);
  readonly #given = Buffer.alloc(DIGEST_HEX);
  readonly #hashAt: number;

  constructor(secret: Secret, scope: SigningScope) {
    const tail = `\n${scope.date}/${scope.region}/${scope.service}/${TERMINATOR}\n`;
    const timeAt = BLOCK_BYTES + PREFIX.length;
    this.#hashAt = timeAt + ISO_LENGTH + Buffer.byteLength(tail);
    this.#inner = Buffer.alloc(this.#hashAt + DIGEST_HEX);
    this.#outer = Buffer.alloc(BLOCK_BYTES + DIGEST_BYTES);
    const key = deriveKey(secret, scope);
    for (let i = 0; i < BLOCK_BYTES; i++) {
      this.#inner[i] = (key[i] ?? 0) ^ INNER_PAD;
      this.#outer[i] = (key[i] ?? 0) ^ OUTER_PAD;
    }
    key.fill(0);
    this.#inner.write(PREFIX, BLOCK_BYTES, 'latin1');
    this.#inner.write(tail, timeAt + ISO_LENGTH, 'utf8');
  }

  /** Signature of a request, 64 lower-case hex digits. */
  sign(iso: string, canonicalRequest: string): string {
    this.#inner.write(iso, BLOCK_BYTES + PREFIX.length, ISO_LENGTH, 'latin1');
    this.#inner.write(hash('sha256', canonicalRequest, 'hex'), this.#hashAt, 'latin1');
    this.#outer.write(hash('sha256', this.#inner, 'binary'), BLOCK_BYTES, 'latin1');
    return hash('sha256', this.#outer, 'hex');
  }

  /** Whether `signature` is the request's; takes the same time wherever the two differ. */
  verify(signature: string, iso: string, canonicalRequest: string): boolean {
    this.#expected.write(this.sign(iso, canonicalRequest), 'latin1');
    const wellFormed = SIGNATURE.test(signature);
    this.#given.write(wellFormed ? signature : NO_SIGNATURE, 'latin1');
    return timingSafeEqual(this.#expected, this.#given) && wellFormed;
  }
}

/** SigV4's key derivation chain. */
function deriveKey(secret: Secret, scope: SigningScope): Buffer {
  const start = Buffer.concat([Buffer.from('AWS4'), secret.reveal()]);
  let key: Buffer = start;
  for (const step of [scope.date, scope.region, scope.service, TERMINATOR]) {
    const next = createHmac('sha256', key).update(step).digest();
    key.fill(0);
    key = next;
  }
  return key;
}

interface Entry {
  readonly secret: Secret;
  readonly key: SigningKey;
}

/**
 * What a worker remembers of its callers; bounded, and never what decides who is who. Derived signing
 * keys are kept by access key id and scope. An entry serves only while the secret is the one it was
 * derived from, so a changed credential never meets its old key.
 */
export class SigningKeys {
  /** Parsed Authorization headers, by what stands before the signature. */
  readonly signers: Generations<Signer>;
  readonly #decoy = new Secret(randomBytes(DIGEST_BYTES));
  readonly #entries: Generations<Entry>;

  /** @param capacity access keys in use at a time that are served at full speed. */
  constructor(capacity = 4096) {
    this.signers = new Generations(capacity);
    this.#entries = new Generations(capacity);
  }

  /** Keys held, for gauges. */
  get size(): number {
    return this.#entries.size;
  }

  /** @param credential the Credential as sent, `<access key id>/<date>/<region>/<service>/aws4_request`. */
  get(credential: string, scope: SigningScope, secret: Secret): SigningKey {
    const known = this.#entries.get(credential);
    if (known?.secret.equals(secret)) return known.key;
    const key = new SigningKey(secret, scope);
    this.#entries.set(credential, { secret, key });
    return key;
  }

  /**
   * A key that nobody holds, so that an unknown access key costs what a known one does. Its name is
   * no access key's, so made-up ids cannot push real keys out.
   */
  decoy(scope: SigningScope): SigningKey {
    return this.get(`/${scope.date}/${scope.region}/${scope.service}`, scope, this.#decoy);
  }

  /** Forgets the keys of an access key, in every scope. */
  drop(accessKeyId: string): void {
    this.#entries.dropPrefix(`${accessKeyId}/`);
  }
}
