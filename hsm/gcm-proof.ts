import { openGcm, sealGcm } from './gcm';
import type { Handle } from './module';
import type { Desk } from './objects';

export interface GcmKeys {
  readonly seals: Handle;
  readonly opens: Handle;
}

/** Whether one key opens what the other sealed: what nobody can read is known by its use. */
export function undoesGcm(
  desk: Desk,
  { seals, opens }: GcmKeys,
  ivSource: 'random' | 'token',
): boolean {
  const aad = Buffer.from('claviger key proof');
  const plaintext = Buffer.alloc(32, 0x5a);
  const sealed = sealGcm({ ...desk, key: seals }, { aad, plaintext, ivSource });
  return openGcm({ ...desk, key: opens }, { ...sealed, aad }).equals(plaintext);
}
