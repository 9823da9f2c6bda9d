import { HsmError } from './errors';
import { idBytes } from './formats';
import type { TokenRef } from './lane-desk';
import type { Link } from './link';
import type { Exclusively, TokenKeyId } from './material-types';
import type { PairSpec } from './pairs/plans';
import type { PairArgs, PreparedPair, ResidentArgs, ResidentPair } from './pairs/tasks';
import { Turn } from './turn';
import type { TokenOptions } from './types';

/** RSA-4096 takes SoftHSM up to 3 s on an idle machine, and others longer. */
export const generationDeadlineMs = 60_000;

/** More would not have their turn before the deadline. */
export const mostWaiting = 64;

export interface NewPair {
  readonly spec: PairSpec;
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
 * Pairs whose private half stays in the token. RSA takes seconds to generate, for which nobody else should wait: a pair
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

  /** Of RSA: what takes long is done before it is done exclusively. */
  async generate(
    pair: NewPair,
    exclusively: Exclusively = (work) => work(),
  ): Promise<ResidentPair> {
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

  async #generate(pair: NewPair, exclusively: Exclusively): Promise<ResidentPair> {
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

  /** In the token from the start: of what takes milliseconds. The caller makes one object at a time. */
  generateAtOnce(pair: NewPair): Promise<ResidentPair> {
    return this.#parts.link.run('generatePair', this.#residentArgs(pair), this.#patience);
  }

  async #make(pair: NewPair, prepared: Prepared | undefined): Promise<ResidentPair> {
    const { link } = this.#parts;
    if (prepared !== undefined) {
      const { ref, ...kept } = prepared;
      if (link.live.ref !== ref) {
        throw new HsmError('token-unavailable', 'the token was connected anew meanwhile');
      }
      const key = await link.run('storePair', { ...this.#residentArgs(pair), pair: kept });
      if (key !== undefined) return { key, publicKey: kept.publicKey };
      this.#noteRefusal(ref);
    }
    return this.generateAtOnce(pair);
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

  /** Pairs that come and go, those for imports and transfers, are not sealed. */
  #residentArgs(pair: NewPair): ResidentArgs {
    const { link, options } = this.#parts;
    const { id, label, spec } = pair;
    const modifiable = 'purpose' in spec || link.live.modifiable;
    const { durableDirectory } = options;
    return { ...this.#args(pair), id, label, modifiable, durableDirectory };
  }

  #args({ spec }: NewPair): PairArgs {
    const { ivSource, softwareUnwrap = true } = this.#parts.options;
    return { spec, ivSource, softwareUnwrap };
  }
}

function requireTime(startedMs: number): void {
  if (performance.now() - startedMs < generationDeadlineMs) return;
  const limit = String(generationDeadlineMs);
  throw new HsmError('deadline', `the generation of a key pair did not begin within ${limit} ms`);
}
