import { HsmError } from './errors';
import { idBytes } from './formats';
import type { TokenRef } from './lane-desk';
import type { Link } from './link';
import type { Exclusively, TokenKeyId } from './material-types';
import type { PairSpec } from './pairs/plans';
import type { PairArgs, PreparedPair, ResidentArgs, ResidentPair } from './pairs/tasks';
import { generationDeadlineMs, type SlowTurn } from './slow-turn';
import type { PreparedKey, PreparedPlace, TokenOptions } from './types';

export interface NewPair {
  readonly spec: PairSpec;
  readonly id: TokenKeyId;
  readonly label: string;
  /** What `prepare` made of it. */
  readonly prepared?: Prepared | undefined;
  /** See SlowTurn. */
  readonly asker?: string | undefined;
}

export interface KeyPairsParts {
  readonly options: TokenOptions;
  readonly link: Pick<Link, 'live' | 'run'>;
  /** Whose turn it is to generate RSA. */
  readonly slow: SlowTurn;
  /** Makes one object in the token at a time where that is necessary. */
  readonly inTurn: <T>(work: () => Promise<T>) => Promise<T>;
}

interface PreparedParts {
  readonly spec: PairSpec;
  readonly place: PreparedPlace;
  readonly pair: PreparedPair;
  /** The connection that its handle is of. */
  readonly ref: TokenRef;
  readonly link: Pick<Link, 'live' | 'run'>;
}

/** A pair that is nowhere yet: an object of the owner session, until it is let go of. */
export class PreparedRsa implements PreparedKey {
  readonly place: PreparedPlace;
  readonly #parts: PreparedParts;

  constructor(parts: PreparedParts) {
    this.place = parts.place;
    this.#parts = parts;
  }

  /** Throws where its handle means nothing any more, or another thing is wanted. */
  require(place: PreparedPlace, spec: PairSpec): PreparedPair {
    const { link, ref, pair } = this.#parts;
    if (link.live.ref !== ref) {
      throw new HsmError('token-unavailable', 'the token was connected anew meanwhile');
    }
    if (place !== this.place || !isSameSpec(spec, this.#parts.spec)) {
      throw new HsmError('failed', 'another key was prepared than is to be made');
    }
    return pair;
  }

  /** Without a word: what stays ends with the connection, and the key itself is made or is not. */
  async discard(): Promise<void> {
    const { link, ref, pair } = this.#parts;
    const { privateKey } = pair;
    try {
      if (link.live.ref === ref) await link.run('dropPrepared', { privateKey });
    } catch (error) {
      if (!(error instanceof HsmError)) throw error;
    }
  }
}

/**
 * Of a token that copies no private keys: the turn itself, kept until it is let go of. The pair is generated where it stays,
 * and whoever holds something for that, a transaction, has waited for his turn before.
 */
export class KeptTurn implements PreparedKey {
  readonly #end: () => void;

  constructor(
    readonly place: PreparedPlace,
    end: () => void,
  ) {
    this.#end = end;
  }

  discard(): Promise<void> {
    this.#end();
    return Promise.resolve();
  }
}

export type Prepared = PreparedRsa | KeptTurn;

/**
 * Pairs whose private half stays in the token. RSA takes seconds to generate, for which nobody else should wait: a pair
 * is made of session objects, which touch nothing of the token, and only its copy into the token is made exclusively.
 * One after the other, and on a lane of its own.
 */
export class KeyPairs {
  readonly #parts: KeyPairsParts;
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
    const { inTurn } = this.#parts;
    const { spec, asker } = pair;
    const prepared = pair.prepared ?? (await this.prepare(spec, 'resident', asker));
    try {
      return await exclusively(() => inTurn(() => this.#make(pair, prepared)));
    } finally {
      if (pair.prepared === undefined) await prepared.discard();
    }
  }

  /** The slow half of it, or the turn to do all of it. */
  prepare(spec: PairSpec, place: PreparedPlace, asker?: string): Promise<Prepared> {
    return new Promise((resolve, reject) => {
      const work = async (): Promise<void> => {
        const pair = await this.#prepareNow(spec, place);
        if (pair !== undefined) resolve(pair);
        else await new Promise<void>((end) => resolve(new KeptTurn(place, end)));
      };
      this.#parts.slow.take('keys', work, asker).catch(reject);
    });
  }

  /** Undefined where the token copies no private keys. */
  async #prepareNow(spec: PairSpec, place: PreparedPlace): Promise<PreparedRsa | undefined> {
    const { link } = this.#parts;
    const { ref } = link.live;
    if (this.#copiesNone === ref) return undefined;
    const args = { ...this.#args(spec), place };
    const pair = await link.run('preparePair', args, { ...this.#patience, slow: true });
    if (pair !== undefined) return new PreparedRsa({ spec, place, pair, ref, link });
    this.#noteRefusal(ref);
    return undefined;
  }

  /** In the token from the start: of what takes milliseconds. The caller makes one object at a time. */
  generateAtOnce(pair: NewPair): Promise<ResidentPair> {
    return this.#parts.link.run('generatePair', this.#residentArgs(pair));
  }

  async #make(pair: NewPair, prepared: Prepared): Promise<ResidentPair> {
    const { link } = this.#parts;
    if (prepared instanceof PreparedRsa) {
      const { ref } = link.live;
      const kept = prepared.require('resident', pair.spec);
      const key = await link.run('storePair', { ...this.#residentArgs(pair), pair: kept });
      if (key !== undefined) return { key, publicKey: kept.publicKey };
      this.#noteRefusal(ref);
    }
    const patience = { ...this.#patience, slow: true };
    return link.run('generatePair', this.#residentArgs(pair), patience);
  }

  #noteRefusal(ref: TokenRef): void {
    this.#copiesNone = ref;
    const message = 'the token copies no private keys: others wait while it generates RSA pairs';
    this.#parts.options.onEvent?.({ level: 'info', message });
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
    return { ...this.#args(spec), id, label, modifiable, durableDirectory };
  }

  #args(spec: PairSpec): PairArgs {
    const { ivSource, softwareUnwrap = true } = this.#parts.options;
    return { spec, ivSource, softwareUnwrap };
  }
}

function isSameSpec(one: PairSpec, other: PairSpec): boolean {
  const [first, second] = [one, other].map((spec) => Object.entries(spec).sort().flat().join());
  return first === second;
}
