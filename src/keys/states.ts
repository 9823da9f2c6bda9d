import { KmsError } from '../errors';
import type { ConnectionStateType, KeyState } from '../shapes/kms.generated';
import type { Key } from './key';

type Facts = Pick<Key, 'arn' | 'origin' | 'state'> &
  Partial<Pick<Key, 'lapsesAt' | 'customKeyStore'>>;
type Refusal = (key: Facts) => KmsError | undefined;
type Row = Readonly<Record<KeyState, Refusal | undefined>>;

const invalidState =
  (what: string): Refusal =>
  ({ arn }) =>
    new KmsError('KMSInvalidStateException', `${arn} is ${what}.`);

const ok = undefined;
const disabled: Refusal = ({ arn }) => new KmsError('DisabledException', `${arn} is disabled.`);
const pendingDeletion = invalidState('pending deletion');
const notPendingDeletion = invalidState('not pending deletion');
const pendingImport = invalidState('pending import');
const unavailable = invalidState('unavailable');
const creating = invalidState('creating');
const updating = invalidState('updating');

/*
 * Where §1.3 leaves it open whether the state or the origin refuses ("1 or 7", "8/9"), it is the origin: what never works
 * with the key is said rather than what does not work now. The state is silent about such a key, and the operation, which
 * asks for the origin after the state, refuses it.
 */
const unlessImported =
  (refuse: Refusal): Refusal =>
  (key) =>
    key.origin === 'AWS_KMS' ? refuse(key) : undefined;
const ifImported =
  (refuse: Refusal): Refusal =>
  (key) =>
    key.origin === 'EXTERNAL' ? refuse(key) : undefined;

/** What a key's state allows: the rows of kms-semantics §1.3 that the operations built so far need. */
export const stateRules = {
  /** Every use of a key; GetPublicKey too, unless it answers for disabled keys. */
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
  /** GetPublicKey that answers for disabled keys too. */
  publicKey: {
    Enabled: ok,
    Disabled: ok,
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
  /** EnableKeyRotation, DisableKeyRotation. The operation refuses every origin but AWS_KMS. */
  rotatable: {
    Enabled: ok,
    Disabled: unlessImported(disabled),
    PendingDeletion: unlessImported(pendingDeletion),
    PendingReplicaDeletion: unlessImported(pendingDeletion),
    PendingImport: unlessImported(pendingImport),
    Unavailable: unlessImported(unavailable),
    Creating: creating,
    Updating: ok,
  },
  /** RotateKeyOnDemand. The operation refuses the origins of custom key stores. */
  rotatableOnDemand: {
    Enabled: ok,
    Disabled: disabled,
    PendingDeletion: pendingDeletion,
    PendingReplicaDeletion: pendingDeletion,
    PendingImport: pendingImport,
    Unavailable: unlessImported(unavailable),
    Creating: creating,
    Updating: updating,
  },
  /** GetParametersForImport. The operation refuses every origin but EXTERNAL, as do the two that follow. */
  importable: {
    Enabled: ok,
    Disabled: ok,
    PendingDeletion: ifImported(pendingDeletion),
    PendingReplicaDeletion: ifImported(pendingDeletion),
    PendingImport: ok,
    Unavailable: ok,
    Creating: creating,
    Updating: updating,
  },
  /** ImportKeyMaterial. */
  takesMaterial: {
    Enabled: ok,
    Disabled: ok,
    PendingDeletion: ifImported(pendingDeletion),
    PendingReplicaDeletion: ifImported(pendingDeletion),
    PendingImport: ok,
    Unavailable: ok,
    Creating: creating,
    Updating: ok,
  },
  /** DeleteImportedKeyMaterial. */
  losesMaterial: {
    Enabled: ok,
    Disabled: ok,
    PendingDeletion: ok,
    PendingReplicaDeletion: ok,
    PendingImport: ok,
    Unavailable: ok,
    Creating: creating,
    Updating: updating,
  },
  /** All that reads, policies, the end of grants and aliases; GetKeyRotationStatus and ListKeyRotations too. */
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
export function requireState(key: Facts, rule: StateRule): void {
  const row: Row = stateRules[rule];
  const refusal = row[stateNow(key)]?.(key);
  if (refusal !== undefined) throw refusal;
}

/**
 * The state of a key whose material has expired changes when the timed work finds it. Until then it is looked upon as what
 * it will be. A key is unavailable while somebody has disconnected its custom key store: that is nowhere but in the store's
 * row, so that the key is again what it was, or was changed to meanwhile, when the store is connected (kms-semantics §1.1,
 * §12.4).
 */
export function stateNow({
  state,
  lapsesAt,
  customKeyStore,
}: Pick<Facts, 'state' | 'lapsesAt' | 'customKeyStore'>): KeyState {
  if (lapsesAt !== undefined && performance.now() >= lapsesAt)
    return unless(state, 'PendingImport');
  if (customKeyStore !== undefined && disconnected.has(customKeyStore.connectionState)) {
    return unless(state, 'Unavailable');
  }
  return state;
}

const disconnected: ReadonlySet<ConnectionStateType> = new Set(['DISCONNECTED', 'DISCONNECTING']);

/** A key that is to be deleted stays so, whatever becomes of its material. */
function unless(state: KeyState, then: KeyState): KeyState {
  return state === 'Enabled' || state === 'Disabled' ? then : state;
}
