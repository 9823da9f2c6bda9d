import type { KeyRow } from '../algorithms/key-rows';
import { HsmError } from '../errors';
import type { Desk } from '../objects';
import { TokenFault } from '../return-values';
import { ecAgreementAnswers, ecSigningAnswers } from './ec';
import { edwardsAnswers } from './edwards';
import { hmacAnswers } from './hmac';
import type { KeyAnswer, KeyAnswers } from './row';
import { mlDsaAnswers, mlKemAnswers } from './post-quantum';
import { rsaDecryptionAnswers, rsaSigningAnswers } from './rsa';

/** What a token is found to do with keys of one kind, by algorithm. Plain data. */
export type KindProof = Readonly<Record<string, Verdict>>;

export interface Verdict {
  readonly supported: boolean;
  /** It takes the known answer's detour. */
  readonly detour: boolean;
  /** For the table: what is to be known of it, or why it fails. */
  readonly note: string;
  /** What the token lacks where it is not supported. */
  readonly mechanism: string;
}

/** Where known answers are tried. */
export interface Bench {
  /** In a session that stays, objects included, as long as nothing fails. */
  readonly inSession: <T>(work: (desk: Desk) => T) => T;
  /** Throws where the token is in trouble: it must not be taken for one that lacks a mechanism. */
  readonly assertHealthy: () => void;
  /** Ends the session, and all its objects. */
  readonly discard: () => void;
}

/** Tries everything that AWS KMS does with keys of this kind. */
export function proveKind({ shape, kind }: KeyRow, bench: Bench): KindProof {
  const { spec } = kind;
  const signs = kind.usage === 'SIGN_VERIFY';
  if (shape.family === 'hmac') return prove(hmacAnswers(shape), bench);
  if (shape.family === 'rsa') {
    return prove(signs ? rsaSigningAnswers(shape.bits) : rsaDecryptionAnswers(shape.bits), bench);
  }
  if (shape.family === 'ec') {
    return prove(signs ? ecSigningAnswers(shape.curve) : ecAgreementAnswers(shape.curve), bench);
  }
  if (shape.family === 'edwards') return prove(edwardsAnswers, bench);
  if (shape.family === 'ml-dsa') return prove(mlDsaAnswers(shape, spec), bench);
  if (shape.family === 'ml-kem') return prove(mlKemAnswers(shape, spec), bench);
  // AES is proven when the token is opened.
  return {};
}

function prove<K>({ make, note, answers }: KeyAnswers<K>, bench: Bench): KindProof {
  let made: { readonly key: K } | undefined;
  const attempt = (test: (desk: Desk, key: K) => void): string =>
    bench.inSession((desk) => {
      made ??= { key: make(desk) };
      test(desk, made.key);
      return note?.(made.key) ?? '';
    });
  /** The note, or why it failed; a key of a failed session is gone with it. */
  const tried = (test: (desk: Desk, key: K) => void): { note: string } | { refusal: string } => {
    for (let again = true; ; again = false) {
      try {
        return { note: attempt(test) };
      } catch (error) {
        made = undefined;
        bench.discard();
        bench.assertHealthy();
        if (!isRefusal(error)) throw error;
        if (!again || !isDoubtful(error)) return { refusal: error.message };
      }
    }
  };
  try {
    return Object.fromEntries(answers.map((answer) => [answer.name, verdictOf(answer, tried)]));
  } finally {
    bench.discard();
  }
}

type Tried<K> = (
  test: (desk: Desk, key: K) => void,
) => { readonly note: string } | { readonly refusal: string };

function verdictOf<K>({ mechanism, test, detour }: KeyAnswer<K>, tried: Tried<K>): Verdict {
  const first = tried(test);
  if ('note' in first) return { supported: true, detour: false, note: first.note, mechanism };
  const unsupported = { supported: false, detour: false, mechanism };
  if (detour === undefined) return { ...unsupported, note: first.refusal };
  const second = tried(detour.test);
  if ('refusal' in second) {
    const refusals = new Set([first.refusal, second.refusal]);
    return { ...unsupported, note: [...refusals].join('; ') };
  }
  const notes = [`${detour.note} (${first.refusal})`, second.note];
  const note = notes.filter((one) => one !== '').join('; ');
  return { supported: true, detour: true, note, mechanism };
}

function isRefusal(error: unknown): error is HsmError {
  return (
    error instanceof HsmError && error.code !== 'token-unavailable' && error.code !== 'deadline'
  );
}

/**
 * Not about the mechanism for certain, so it is tried twice: SoftHSM fails what it could do while others have its files, and
 * a refusal that was wanted may have left its operation active.
 */
function isDoubtful(error: HsmError): boolean {
  if (!(error instanceof TokenFault)) return false;
  return error.meaning.suspect === true || error.meaning.again === true;
}
