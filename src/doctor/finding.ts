import type { Token } from '../../hsm';
import type { Database } from '../db';
import type { KeyTokens } from '../keys/key-tokens';
import type { FindingKind } from './explanations';

/** What the doctor looks at. */
export interface Patient {
  readonly database: Database;
  /** How often one key material may encrypt. */
  readonly encryptionLimit: number;
}

export interface PatientWithToken extends Patient {
  /** The main one. */
  readonly token: Token;
  readonly keyTokens: Pick<KeyTokens, 'ofStore'>;
}

/** Something that is not as it should be; what that means stands in `explanations`, by its kind. */
export interface Finding {
  readonly kind: FindingKind;
  /** What it is about: an object, a key, an account, a job. */
  readonly subject: string;
  /** What else is known of it. */
  readonly details: Readonly<Record<string, string | number>>;
  /** Mends it, and says what was done. Left out where that is not safe. */
  readonly repair?: () => Promise<string>;
}
