import { HsmError } from './errors';
import { idBytes, toBuffer } from './formats';
import type { TokenRef } from './lane-desk';
import type { Link } from './link';
import type { Exclusively, TokenKeyId } from './material-types';
import type { PairSpec } from './pairs/purposes';
import type { PreparedPair } from './pairs/tasks';
import { Turn } from './turn';
import type { TokenOptions } from './types';

/** RSA-4096 takes SoftHSM up to 3 s on an idle machine, and others longer. */
export const generationDeadlineMs = 60_000;

/** More would not have their turn before the deadline. */
export const mostWaiting = 64;

export interface NewPair extends PairSpec {
  readonly id: TokenKeyId;
  readonly label: string;
}

export interface KeyPairsParts {
  readonly options: TokenOptions;
  readonly link: Pick<Link, 'live' | 'run'>;
  /** Makes one object in the token at a time where that is necessary. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

interface Prepared extends PreparedPair {
  /** The connection that its handle is of. */
  readonly ref: TokenRef;
}

/**
 * RSA pairs whose private half stays in the token. They take seconds to generate, for which nobody else should wait: a pair
 * is made of session objects, which touch nothing of the token, and only its copy into the token is made exclusively.
 * One after the other, so that RSA never has all the lanes.
 */
export class KeyPairs {
  readonly #parts: KeyPairsParts;
  readonly #turn = new Turn();
  #waiting = 0;
  /** The connection whose token copies no private keys. */
  #copiesNone: TokenRef | undefined;

  constructor(parts: KeyPairsParts) {
    this.#parts = parts;
  }

  /** Resolves to the public key: SubjectPublicKeyInfo in DER. */
  async generate(pair: NewPair, exclusively: Exclusively = (work) => work()): Promise<Buffer> {
    idBytes(pair.id);
    if (this.#waiting >= mostWaiting) {
      throw new HsmError('deadline', 'too many key pairs are waiting to be generated');
    }
    const startedMs = performance.now();
    this.#waiting += 1;
    try {
      return await this.#turn.take(() => {
        requireTime(startedMs);
        return this.#generate(pair, exclusively);
      });
    } finally {
      this.#waiting -= 1;
    }
  }

  async #generate(pair: NewPair, exclusively: Exclusively): Promise<Buffer> {
    const prepared = await this.#prepare(pair);
    try {
      return await exclusively(() => this.#parts.inTurn(() => this.#make(pair, prepared)));
    } finally {
      if (prepared !== undefined) await this.#drop(prepared);
    }
  }

  async #prepare(pair: NewPair): Promise<Prepared | undefined> {
    const { link } = this.#parts;
    const { ref } = link.live;
    if (this.#copiesNone === ref) return undefined;
    const prepared = await link.run('preparePair', this.#args(pair), this.#patience);
    if (prepared !== undefined) return { ...prepared, ref };
    this.#noteRefusal(ref);
    return undefined;
  }

  async #make(pair: NewPair, prepared: Prepared | undefined): Promise<Buffer> {
    const { link, options } = this.#parts;
    const { id, label } = pair;
    const args = { ...this.#args(pair), id, label, durableDirectory: options.durableDirectory };
    if (prepared !== undefined) {
      const { ref, ...kept } = prepared;
      if (link.live.ref !== ref) {
        throw new HsmError('token-unavailable', 'the token was connected anew meanwhile');
      }
      if (await link.run('storePair', { ...args, pair: kept })) return toBuffer(kept.publicKey);
      this.#noteRefusal(ref);
    }
    return toBuffer(await link.run('generatePair', args, this.#patience));
  }

  #noteRefusal(ref: TokenRef): void {
    this.#copiesNone = ref;
    const message = 'the token copies no private keys: others wait while it generates RSA pairs';
    this.#parts.options.onEvent?.({ level: 'info', message });
  }

  /** Without a word: what stays ends with the connection, and the pair itself is made or is not. */
  async #drop({ privateKey, ref }: Prepared): Promise<void> {
    const { link } = this.#parts;
    try {
      if (link.live.ref === ref) await link.run('dropPrepared', { privateKey });
    } catch (error) {
      if (!(error instanceof HsmError)) throw error;
    }
  }

  get #patience(): { readonly deadlineMs: number } {
    return { deadlineMs: Math.max(generationDeadlineMs, this.#parts.options.deadlineMs) };
  }

  #args({ purpose, bits }: PairSpec): {
    readonly spec: PairSpec;
    readonly ivSource: 'random' | 'token';
    readonly softwareUnwrap: boolean;
  } {
    const { ivSource, softwareUnwrap = true } = this.#parts.options;
    return { spec: { purpose, bits }, ivSource, softwareUnwrap };
  }
}

function requireTime(startedMs: number): void {
  if (performance.now() - startedMs < generationDeadlineMs) return;
  const limit = String(generationDeadlineMs);
  throw new HsmError('deadline', `the generation of a key pair did not begin within ${limit} ms`);
}
