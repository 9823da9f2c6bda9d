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
  readonly prepared?: PreparedRsa | undefined;
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
    const { inTurn, slow } = this.#parts;
    const { spec, asker } = pair;
    const prepared = pair.prepared ?? (await this.prepare(spec, 'resident', asker));
    const make = (): Promise<ResidentPair> =>
      exclusively(() => inTurn(() => this.#make(pair, prepared)));
    try {
      return await (prepared === undefined ? slow.take('keys', make, asker) : make());
    } finally {
      if (pair.prepared === undefined) await prepared?.discard();
    }
  }

  /** The slow half of it. Undefined where the token copies no private keys. */
  async prepare(
    spec: PairSpec,
    place: PreparedPlace,
    asker?: string,
  ): Promise<PreparedRsa | undefined> {
    const { link, slow } = this.#parts;
    if (this.#copiesNone === link.live.ref) return undefined;
    const make = async (): Promise<PreparedRsa | undefined> => {
      const { ref } = link.live;
      const args = { ...this.#args(spec), place };
      const pair = await link.run('preparePair', args, { ...this.#patience, slow: true });
      if (pair !== undefined) return new PreparedRsa({ spec, place, pair, ref, link });
      this.#noteRefusal(ref);
      return undefined;
    };
    return slow.take('keys', make, asker);
  }

  /** In the token from the start: of what takes milliseconds. The caller makes one object at a time. */
  generateAtOnce(pair: NewPair): Promise<ResidentPair> {
    return this.#parts.link.run('generatePair', this.#residentArgs(pair));
  }

  async #make(pair: NewPair, prepared: PreparedRsa | undefined): Promise<ResidentPair> {
    const { link } = this.#parts;
    if (prepared !== undefined) {
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
