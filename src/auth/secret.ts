import { timingSafeEqual } from 'node:crypto';
import { inspect } from 'node:util';

const REDACTED = '(redacted)';

/**
 * Bytes that cannot be printed: string conversion, JSON and inspection all say `(redacted)`. What it
 * holds comes out through `reveal` and `revealText` only, so a leak is a word to search for.
 */
export class Secret {
  readonly #bytes: Buffer;

  /** Copies `value`; a string is taken as UTF-8. */
  constructor(value: string | Uint8Array) {
    const bytes = typeof value === 'string' ? Buffer.from(value, 'utf8') : value;
    // Buffer.from shares its slab with unrelated buffers; alloc does not.
    this.#bytes = Buffer.alloc(bytes.length);
    this.#bytes.set(bytes);
    if (typeof value === 'string') bytes.fill(0);
  }

  /** Length in bytes. */
  get length(): number {
    return this.#bytes.length;
  }

  /** The bytes themselves, not a copy: use them at once and do not keep them. */
  reveal(): Buffer {
    return this.#bytes;
  }

  /** The bytes read as UTF-8. */
  revealText(): string {
    return this.#bytes.toString('utf8');
  }

  /** Whether both hold the same bytes; takes the same time wherever they differ. Lengths are not hidden. */
  equals(other: Secret): boolean {
    if (this === other) return true;
    return this.length === other.length && timingSafeEqual(this.#bytes, other.#bytes);
  }

  /** Overwrites the bytes. Copies that V8 made of a revealed text are out of reach. */
  wipe(): void {
    this.#bytes.fill(0);
  }

  toString(): string {
    return REDACTED;
  }

  toJSON(): string {
    return REDACTED;
  }

  [inspect.custom](): string {
    return REDACTED;
  }
}
