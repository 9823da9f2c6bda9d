import type * as pkcs11 from 'pkcs11js';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { call } from '../return-values';
import type { Template } from '../templates';

/** Something wrapped, and what unwraps it in the token: `C_UnwrapKey` away from being an object. */
export interface Envelope {
  readonly mechanism: pkcs11.Mechanism;
  readonly key: Handle;
  readonly blob: Buffer;
  /** How long what is in it is, where that is known. */
  readonly bytes?: number;
  /** The key is not the right one and only stands in for it: whatever comes out is worth nothing. */
  readonly broken?: boolean;
}

/** The same envelope can be opened as often as one likes, into objects of the same material. */
export function openEnvelope(desk: Desk, envelope: Envelope, template: Template): Handle {
  const { mechanism, key, blob } = envelope;
  return call('C_UnwrapKey', () =>
    desk.library.C_UnwrapKey(desk.session, mechanism, key, blob, template),
  );
}
