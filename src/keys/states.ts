import { KmsError } from '../errors';
import type { KeyState } from '../shapes/kms.generated';

type Refusal = (arn: string) => KmsError;
type Row = Readonly<Record<KeyState, Refusal | undefined>>;

const invalidState =
  (what: string): Refusal =>
  (arn) =>
    new KmsError('KMSInvalidStateException', `${arn} is ${what}.`);

const ok = undefined;
const disabled: Refusal = (arn) => new KmsError('DisabledException', `${arn} is disabled.`);
const pendingDeletion = invalidState('pending deletion');
const notPendingDeletion = invalidState('not pending deletion');
const pendingImport = invalidState('pending import');
const unavailable = invalidState('unavailable');
const creating = invalidState('creating');
const updating = invalidState('updating');

/** What a key's state allows: the rows of kms-semantics §1.3 that the operations built so far need. */
export const stateRules = {
  /** Encrypt, Decrypt, ReEncrypt, GenerateDataKey*. */
  cryptographic: {
    Enabled: ok,
    Disabled: disabled,
    PendingDeletion: pendingDeletion,
    PendingReplicaDeletion: pendingDeletion,
    PendingImport: pendingImport,
    Unavailable: unavailable,
    Creating: creating,
    Updating: ok,
  },
  /** EnableKey, DisableKey. */
  enablement: {
    Enabled: ok,
    Disabled: ok,
    PendingDeletion: pendingDeletion,
    PendingReplicaDeletion: pendingDeletion,
    PendingImport: pendingImport,
    Unavailable: ok,
    Creating: creating,
    Updating: updating,
  },
  /** ScheduleKeyDeletion. */
  deletable: {
    Enabled: ok,
    Disabled: ok,
    PendingDeletion: pendingDeletion,
    PendingReplicaDeletion: pendingDeletion,
    PendingImport: ok,
    Unavailable: ok,
    Creating: ok,
    Updating: updating,
  },
  /** CancelKeyDeletion. */
  pendingDeletion: {
    Enabled: notPendingDeletion,
    Disabled: notPendingDeletion,
    PendingDeletion: ok,
    PendingReplicaDeletion: ok,
    PendingImport: notPendingDeletion,
    Unavailable: notPendingDeletion,
    Creating: notPendingDeletion,
    Updating: notPendingDeletion,
  },
  /** UpdateKeyDescription, CreateAlias, UpdateAlias onto the key. */
  notPendingDeletion: {
    Enabled: ok,
    Disabled: ok,
    PendingDeletion: pendingDeletion,
    PendingReplicaDeletion: pendingDeletion,
    PendingImport: ok,
    Unavailable: ok,
    Creating: ok,
    Updating: ok,
  },
  /** CreateGrant. */
  grantable: {
    Enabled: ok,
    Disabled: disabled,
    PendingDeletion: pendingDeletion,
    PendingReplicaDeletion: pendingDeletion,
    PendingImport: pendingImport,
    Unavailable: ok,
    Creating: creating,
    Updating: ok,
  },
  any: {
    Enabled: ok,
    Disabled: ok,
    PendingDeletion: ok,
    PendingReplicaDeletion: ok,
    PendingImport: ok,
    Unavailable: ok,
    Creating: ok,
    Updating: ok,
  },
} as const satisfies Record<string, Row>;

export type StateRule = keyof typeof stateRules;

/** Throws the state's error of kms-semantics §1.2 when the rule refuses it. */
export function requireState(
  key: { readonly arn: string; readonly state: KeyState },
  rule: StateRule,
): void {
  const row: Row = stateRules[rule];
  const refusal = row[key.state];
  if (refusal !== undefined) throw refusal(key.arn);
}
