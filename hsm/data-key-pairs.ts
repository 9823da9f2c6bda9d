import { HsmError } from './errors';
import { toBuffer } from './formats';
import type { TokenRef } from './lane-desk';
import type { Link } from './link';
import { shapeOf } from './material/shapes';
import { isOfOpenSsl } from './pairs/data-pair';
import { generationDeadlineMs, type SlowTurn } from './slow-turn';
import type { DataKeyPair, DataKeyPairSpec, TokenOptions } from './types';
import type { WrapMechanism } from './wrap';

export interface DataKeyPairsParts {
  readonly options: Pick<TokenOptions, 'onEvent'>;
  readonly link: Pick<Link, 'live' | 'run'>;
  /** Whose turn it is to generate RSA. */
  readonly slow: SlowTurn;
}

/**
 * Pairs that are handed out and kept nowhere. The token makes them where it hands out the private half wrapped, which the
 * first pair of each spec shows; else OpenSSL does, as it is seeded by the system. It knows no ML-KEM: there it is the
 * token or none.
 */
export class DataKeyPairs {
  readonly #parts: DataKeyPairsParts;
  #ref: TokenRef | undefined;
  /** By spec, what this connection was found to do. */
  #inToken = new Map<DataKeyPairSpec, boolean>();

  constructor(parts: DataKeyPairsParts) {
    this.#parts = parts;
  }

  generate(spec: DataKeyPairSpec, asker?: string): Promise<DataKeyPair> {
    if (shapeOf(spec).family !== 'rsa') return this.#generate(spec, {});
    const patience = { slow: true, deadlineMs: generationDeadlineMs };
    const make = (): Promise<DataKeyPair> => this.#generate(spec, patience);
    return this.#parts.slow.take('data-key-pairs', make, asker);
  }

  async #generate(spec: DataKeyPairSpec, patience: Patience): Promise<DataKeyPair> {
    const inToken = this.#known();
    const { wrapping } = this.#parts.link.live;
    if (inToken.get(spec) === false) return this.#run(spec, undefined, patience);
    try {
      if (typeof wrapping === 'string') throw new HsmError('mechanism-missing', wrapping);
      const pair = await this.#run(spec, wrapping, patience);
      inToken.set(spec, true);
      return pair;
    } catch (error) {
      if (!isMissing(error) || !isOfOpenSsl(spec)) throw error;
      // What it did before it is able to do: then this is a fault.
      if (inToken.get(spec) === true) throw new HsmError('failed', error.message);
      inToken.set(spec, false);
      this.#note(spec, error.message);
    }
    return this.#run(spec, undefined, patience);
  }

  async #run(
    spec: DataKeyPairSpec,
    wrapping: WrapMechanism | undefined,
    patience: Patience,
  ): Promise<DataKeyPair> {
    const pair = await this.#parts.link.run('generateDataPair', { spec, wrapping }, patience);
    return { privateKey: toBuffer(pair.privateKey), publicKey: toBuffer(pair.publicKey) };
  }

  /** What was found out of an earlier connection is not known of this one. */
  #known(): Map<DataKeyPairSpec, boolean> {
    const { ref } = this.#parts.link.live;
    if (this.#ref !== ref) this.#inToken = new Map();
    this.#ref = ref;
    return this.#inToken;
  }

  #note(spec: DataKeyPairSpec, reason: string): void {
    const message = `OpenSSL generates data key pairs of ${spec}: ${reason}`;
    this.#parts.options.onEvent?.({ level: 'info', message });
  }
}

interface Patience {
  readonly slow?: boolean;
  readonly deadlineMs?: number;
}

function isMissing(error: unknown): error is HsmError {
  return error instanceof HsmError && error.code === 'mechanism-missing';
}
