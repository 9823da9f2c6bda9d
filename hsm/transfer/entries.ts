import { HsmError } from '../errors';
import type { Handle } from '../module';
import type { OaepHash } from '../oaep';
import { oaepMechanism } from '../oaep-mechanism';
import type { Desk } from '../objects';
import { call } from '../return-values';
import type { Template } from '../templates';

/** What a wrapping key travels under from one token to another. */
export const transferBits = 4096;
export const transferBytes = transferBits / 8;

/**
 * By preference. The exporting token wraps under every hash that it has, for it does not know which the receiving one
 * has: SoftHSM 2.6.1 knows SHA-1 only, and there are tokens that refuse it. OAEP does not rest on the hash's resistance to
 * collisions, so one of them does not weaken the other.
 */
export const hashes: readonly OaepHash[] = ['sha256', 'sha1'];
const marks: Readonly<Record<OaepHash, number>> = { sha1: 1, sha256: 2 };
/** One OAEP of the wrapping key. */
export interface Entry {
  readonly hash: OaepHash;
  readonly blob: Buffer;
}

/** A mark of the hash, and the OAEP. */
export function entryBytes({ hash, blob }: Entry): Buffer {
  return Buffer.concat([Buffer.of(marks[hash]), blob]);
}

/** Throws `material-invalid` for what `exportKey` never makes. */
export function entriesOf(wrapped: Buffer): readonly Entry[] {
  const entries: Entry[] = [];
  for (let at = 0; at < wrapped.length; at += 1 + transferBytes) {
    const hash = hashes.find((one) => marks[one] === wrapped[at]);
    const blob = wrapped.subarray(at + 1, at + 1 + transferBytes);
    if (hash === undefined || blob.length !== transferBytes) throw malformed();
    entries.push({ hash, blob });
  }
  if (entries.length === 0 || entries.length > hashes.length) throw malformed();
  return entries;
}

function malformed(): HsmError {
  return new HsmError('material-invalid', 'this is no exported wrapping key');
}

export function unwrapEntry(
  desk: Desk,
  key: Handle,
  { entry, template }: { entry: Entry; template: Template },
): Handle {
  const mechanism = oaepMechanism(entry.hash);
  return call('C_UnwrapKey', () =>
    desk.library.C_UnwrapKey(desk.session, mechanism, key, entry.blob, template),
  );
}

/** Undefined where the test passes. */
export function refusalOf(test: () => void): string | undefined {
  try {
    test();
    return undefined;
  } catch (error) {
    if (error instanceof HsmError) return error.message;
    throw error;
  }
}

/** Of no hash that was tried. */
export function missing(refusals: readonly (string | undefined)[]): HsmError {
  const reasons = refusals.filter((reason) => reason !== undefined);
  return new HsmError('mechanism-missing', `CKM_RSA_PKCS_OAEP: ${reasons.join('; ')}`);
}
