import { constants, createCipheriv, publicEncrypt } from 'node:crypto';
import { hashes } from '../algorithms/hashes';
import { HsmError } from '../errors';
import { rsaKey, type RsaKey } from '../known-answers/rsa-key';
import { requireAnswer } from '../known-answers/row';
import { aesKind } from '../kinds';
import { ckm, mechanismName } from '../mechanisms';
import type { OaepHash } from '../oaep';
import type { Desk } from '../objects';
import { call } from '../return-values';
import type { Handle } from '../module';
import { encryptBlocks } from './identity';
import { type Envelope, openEnvelope } from './envelope';
import { reseal, wrapInMemory } from './in-memory';
import { oaepMechanism } from '../oaep-mechanism';
import { provableMaterial, sessionKek } from '../material/templates';

/** How one RSA-OAEP is undone. */
export type OaepWay =
  | { readonly where: 'token' }
  /** Raw RSA in the token, the padding removed in the daemon's memory: the token lacks `missing`. */
  | { readonly where: 'memory'; readonly missing: string }
  | { readonly where: 'nowhere'; readonly missing: string };

/** What known answers proved this token able to unwrap. */
export interface ImportWays {
  readonly oaep: Readonly<Record<OaepHash, OaepWay>>;
  /** Mechanism that unwraps RFC 5649; where there is none, why. */
  readonly keyWrap: number | string;
}

type Prove = (test: (desk: Desk) => void) => void;

/**
 * Tries every way with a known key. `prove` gives each test a session of its own, asks the token whether it is healthy
 * when one fails, and throws where it is not: a token in trouble must not be taken for one that lacks a mechanism, or
 * material would pass through memory that need not.
 */
export function findWays(prove: Prove): ImportWays {
  const inToken = {
    sha1: refusalOf(prove, (desk) => proveOaepInToken(desk, 'sha1')),
    sha256: refusalOf(prove, (desk) => proveOaepInToken(desk, 'sha256')),
  };
  const keyWrap = findKeyWrap(prove);
  const way = (hash: OaepHash): OaepWay =>
    inToken[hash] === undefined
      ? { where: 'token' }
      : findDetour(prove, { hash, keyWrap, refusal: inToken[hash] });
  return { keyWrap, oaep: { sha1: way('sha1'), sha256: way('sha256') } };
}

const material = Buffer.alloc(32, 0x17);
const kek = Buffer.alloc(32, 0x42);
const block = Buffer.alloc(32, 0x5a);

/** CKM_AES_KEY_WRAP_PAD is RFC 5649 in SoftHSM and PKCS#7 padding in NSS: the answers decide, not the name. */
function findKeyWrap(prove: Prove): number | string {
  const refusals: string[] = [];
  for (const mechanism of [ckm.AES_KEY_WRAP_KWP, ckm.AES_KEY_WRAP_PAD]) {
    const refusal = refusalOf(prove, (desk) => proveKeyWrap(desk, mechanism));
    if (refusal === undefined) return mechanism;
    refusals.push(`${mechanismName(mechanism)} (${refusal})`);
  }
  return refusals.join('; ');
}

function proveKeyWrap(desk: Desk, mechanism: number): void {
  proveEnvelope(desk, {
    mechanism: { mechanism },
    key: knownKek(desk),
    blob: wrapInMemory(kek, material),
  });
}

/** A token that takes no plaintext key (FIPS) may take an encrypted one. */
function knownKek(desk: Desk): Handle {
  const ways: ReadonlyArray<() => Handle> = [
    () =>
      call('C_CreateObject', () =>
        desk.library.C_CreateObject(desk.session, sessionKek('unwrap', { value: kek })),
      ),
    ...(['sha1', 'sha256'] as const).map((hash) => () => {
      const rsa = rsaKey(desk, 2048);
      const blob = sealed(rsa, hash, kek);
      const envelope = { mechanism: oaepMechanism(hash), key: rsa.privateKey, blob };
      return openEnvelope(desk, envelope, sessionKek('unwrap', {}));
    }),
  ];
  let refusal: unknown;
  for (const way of ways) {
    try {
      return way();
    } catch (error) {
      if (!(error instanceof HsmError)) throw error;
      refusal ??= error;
    }
  }
  throw refusal;
}

function findDetour(
  prove: Prove,
  { hash, keyWrap, refusal }: { hash: OaepHash; keyWrap: number | string; refusal: string },
): OaepWay {
  const missing = `CKM_RSA_PKCS_OAEP with ${hashes[hash].name} (${refusal})`;
  if (typeof keyWrap === 'string') return { where: 'nowhere', missing };
  const second = refusalOf(prove, (desk) => proveOaepInMemory(desk, hash, keyWrap));
  if (second === undefined) return { where: 'memory', missing };
  return { where: 'nowhere', missing: `${missing}; CKM_RSA_X_509 (${second})` };
}

function proveOaepInToken(desk: Desk, hash: OaepHash): void {
  const rsa = rsaKey(desk, 2048);
  const blob = sealed(rsa, hash, material);
  proveEnvelope(desk, { mechanism: oaepMechanism(hash), key: rsa.privateKey, blob });
}

function proveOaepInMemory(desk: Desk, hash: OaepHash, keyWrap: number): void {
  const rsa = rsaKey(desk, 2048);
  const encrypted = sealed(rsa, hash, material);
  const open = (blob: Buffer): Handle =>
    openEnvelope(
      desk,
      reseal(desk, { key: rsa.privateKey, encrypted: blob, hash }, keyWrap),
      provableMaterial(aesKind),
    );
  requireAnswer(isMaterial(desk, open(encrypted)), 'C_UnwrapKey');
  requireAnswer(
    refuses(() => open(tampered(encrypted))),
    'C_UnwrapKey',
  );
}

function sealed(rsa: RsaKey, hash: OaepHash, message: Buffer): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return publicEncrypt({ key: rsa.pem, padding, oaepHash: hash }, message);
}

/** The right envelope opens to the right key, and one that was tampered with does not open. */
function proveEnvelope(desk: Desk, envelope: Envelope): void {
  requireAnswer(
    isMaterial(desk, openEnvelope(desk, envelope, provableMaterial(aesKind))),
    'C_UnwrapKey',
  );
  const blob = tampered(envelope.blob);
  const open = (): Handle => openEnvelope(desk, { ...envelope, blob }, provableMaterial(aesKind));
  requireAnswer(refuses(open), 'C_UnwrapKey');
}

function isMaterial(desk: Desk, key: Handle): boolean {
  const cipher = createCipheriv('aes-256-ecb', material, null).setAutoPadding(false);
  return encryptBlocks(desk, key, block).equals(cipher.update(block));
}

function tampered(blob: Buffer): Buffer {
  const copy = Buffer.from(blob);
  const at = copy.length - 2;
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}

function refuses(open: () => unknown): boolean {
  try {
    open();
    return false;
  } catch (error) {
    if (error instanceof HsmError) return true;
    throw error;
  }
}

/** Undefined where the test passes. */
function refusalOf(prove: Prove, test: (desk: Desk) => void): string | undefined {
  try {
    prove(test);
    return undefined;
  } catch (error) {
    if (error instanceof HsmError && error.code !== 'token-unavailable') return error.message;
    throw error;
  }
}
