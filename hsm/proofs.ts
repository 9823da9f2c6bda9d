import type { KeyRow } from './algorithms/key-rows';
import { HsmError } from './errors';
import type { KindProof, Verdict } from './known-answers/kinds';
import type { TokenRef } from './lane-desk';
import type { Link } from './link';
import { scanDeadlineMs } from './residents';

/** A token that imports no known key makes its own, which takes it seconds. */
const proofDeadlineMs = scanDeadlineMs;

/** What known answers found out about the kinds of keys that were asked for. Forgotten with the connection. */
export class Proofs {
  readonly #link: Link;
  #ref: TokenRef | undefined;
  #known = new Map<KeyRow, KindProof>();
  #running = new Map<KeyRow, Promise<KindProof>>();

  constructor(link: Link) {
    this.#link = link;
  }

  /** Without waiting, where it was proven before. */
  known(row: KeyRow): KindProof | undefined {
    this.#follow();
    return this.#known.get(row);
  }

  /** Callers share one run. */
  async prove(row: KeyRow): Promise<KindProof> {
    return this.known(row) ?? this.#running.get(row) ?? this.#start(row);
  }

  #start(row: KeyRow): Promise<KindProof> {
    const known = this.#known;
    const running = this.#running;
    const proof = this.#link
      .run('proveKind', { kind: row.kind }, { deadlineMs: proofDeadlineMs })
      .then((answer) => {
        known.set(row, answer);
        return answer;
      })
      .finally(() => running.delete(row));
    running.set(row, proof);
    return proof;
  }

  /** What was found out of an earlier connection is not known of this one. */
  #follow(): void {
    const { ref } = this.#link.live;
    if (this.#ref === ref) return;
    this.#ref = ref;
    this.#known = new Map();
    this.#running = new Map();
  }
}

/** Throws `mechanism-missing`, naming it, where the token does not do it. */
export function requireVerdict(proof: KindProof, algorithm: string): Verdict {
  const verdict = proof[algorithm];
  if (verdict?.supported === true) return verdict;
  throw lacks(verdict === undefined ? algorithm : `${verdict.mechanism} (${verdict.note})`);
}

/** Throws where nothing works that keys of the kind are for. */
export function requireAny(proof: KindProof): void {
  const verdicts = Object.values(proof);
  if (verdicts.some(({ supported }) => supported)) return;
  // RSA has one mechanism for several algorithms.
  const lacking = new Set(verdicts.map(({ mechanism, note }) => `${mechanism} (${note})`));
  throw lacks([...lacking].join('; '));
}

function lacks(what: string): HsmError {
  return new HsmError('mechanism-missing', `the token lacks ${what}`);
}
