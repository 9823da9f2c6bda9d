import { type StateRule, requireState, stateRules } from '../../src/keys/states';
import { shapes } from '../../src/shapes/kms.generated';
import type { KeyState } from '../../src/shapes/kms.generated';
import { refusalOf } from '../support/refusal';

const arn = 'arn:aws:kms:us-east-1:111122223333:key/k';
const state = (what: string): string => `KMSInvalidStateException ${arn} is ${what}.`;
const disabled = `DisabledException ${arn} is disabled.`;
const deletion = state('pending deletion');
const ok = 'nothing was thrown ';

/** kms-semantics §1.3, a row for each rule. */
const expected: Readonly<Record<StateRule, Readonly<Record<KeyState, string>>>> = {
  cryptographic: {
    Enabled: ok,
    Disabled: disabled,
    PendingDeletion: deletion,
    PendingReplicaDeletion: deletion,
    PendingImport: state('pending import'),
    Unavailable: state('unavailable'),
    Creating: state('creating'),
    Updating: ok,
  },
  enablement: {
    Enabled: ok,
    Disabled: ok,
    PendingDeletion: deletion,
    PendingReplicaDeletion: deletion,
    PendingImport: state('pending import'),
    Unavailable: ok,
    Creating: state('creating'),
    Updating: state('updating'),
  },
  deletable: {
    Enabled: ok,
    Disabled: ok,
    PendingDeletion: deletion,
    PendingReplicaDeletion: deletion,
    PendingImport: ok,
    Unavailable: ok,
    Creating: ok,
    Updating: state('updating'),
  },
  pendingDeletion: {
    Enabled: state('not pending deletion'),
    Disabled: state('not pending deletion'),
    PendingDeletion: ok,
    PendingReplicaDeletion: ok,
    PendingImport: state('not pending deletion'),
    Unavailable: state('not pending deletion'),
    Creating: state('not pending deletion'),
    Updating: state('not pending deletion'),
  },
  notPendingDeletion: {
    Enabled: ok,
    Disabled: ok,
    PendingDeletion: deletion,
    PendingReplicaDeletion: deletion,
    PendingImport: ok,
    Unavailable: ok,
    Creating: ok,
    Updating: ok,
  },
  grantable: {
    Enabled: ok,
    Disabled: disabled,
    PendingDeletion: deletion,
    PendingReplicaDeletion: deletion,
    PendingImport: state('pending import'),
    Unavailable: ok,
    Creating: state('creating'),
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
};

test.each(Object.keys(stateRules) as StateRule[])(
  'the rule %s answers every state as its row says',
  async (rule) => {
    const row: Record<string, string> = {};
    for (const keyState of Object.keys(expected[rule]) as KeyState[]) {
      const { code, message } = await refusalOf(() => requireState({ arn, state: keyState }, rule));
      row[keyState] = `${code} ${message}`;
    }
    expect(row).toEqual(expected[rule]);
  },
);

test('the rules know every state of the model', () => {
  const shape = shapes['KeyState'];
  if (shape?.type !== 'string') throw new Error('KeyState is no string');
  expect(Object.keys(stateRules.any).sort()).toEqual([...(shape.enum ?? [])].sort());
});
