import { KmsError } from '../errors';
import type { Key } from '../keys/key';
import type { OriginType } from '../shapes/kms.generated';

/** Only symmetric encryption keys rotate; AWS says no more of the others (kms-semantics §8.1, §8.3). */
export function requireRotatable({ keySpec }: Key): void {
  if (keySpec !== 'SYMMETRIC_DEFAULT') throw new KmsError('UnsupportedOperationException');
}

/** Throws UnsupportedOperationException of a key whose material comes from elsewhere. */
export function requireOrigin({ arn, origin }: Key, allowed: readonly OriginType[]): void {
  if (allowed.includes(origin)) return;
  throw new KmsError(
    'UnsupportedOperationException',
    `${arn} origin is ${origin} which is not valid for this operation.`,
  );
}
