import { type StateRule, requireState, stateNow, stateRules } from '../../src/keys/states';
import { shapes } from '../../src/shapes/kms.generated';
import type { KeyState, OriginType } from '../../src/shapes/kms.generated';
import { refusalOf } from '../support/refusal';

const arn = 'arn:aws:kms:us-east-1:111122223333:key/k';
const invalid = (what: string): string => `KMSInvalidStateException ${arn} is ${what}.`;

const ok = 'nothing was thrown ';
const disabled = `DisabledException ${arn} is disabled.`;
const deletion = invalid('pending deletion');
const noDeletion = invalid('not pending deletion');
const importing = invalid('pending import');
const unavailable = invalid('unavailable');
const creating = invalid('creating');
const updating = invalid('updating');

const states: readonly KeyState[] = [
  'Enabled',
  'Disabled',
  'PendingDeletion',
  'PendingReplicaDeletion',
  'PendingImport',
  'Unavailable',
  'Creating',
  'Updating',
];

type Row = readonly string[];
const inEveryState: Row = states.map(() => ok);

/** kms-semantics §1.3, a row for each rule, in the order of `states`. */
const expected: Readonly<Record<StateRule, Row>> = {
  cryptographic: [ok, disabled, deletion, deletion, importing, unavailable, creating, ok],
  publicKey: [ok, ok, deletion, deletion, importing, unavailable, creating, ok],
  enablement: [ok, ok, deletion, deletion, importing, ok, creating, updating],
  deletable: [ok, ok, deletion, deletion, ok, ok, ok, updating],
  pendingDeletion: [
    ...[noDeletion, noDeletion, ok, ok],
    ...[noDeletion, noDeletion, noDeletion, noDeletion],
  ],
  notPendingDeletion: [ok, ok, deletion, deletion, ok, ok, ok, ok],
  grantable: [ok, disabled, deletion, deletion, importing, ok, creating, ok],
  rotatable: [ok, disabled, deletion, deletion, importing, unavailable, creating, ok],
  rotatableOnDemand: [ok, disabled, deletion, deletion, importing, unavailable, creating, updating],
  importable: [ok, ok, ok, ok, ok, ok, creating, updating],
  takesMaterial: [ok, ok, ok, ok, ok, ok, creating, ok],
  losesMaterial: [ok, ok, ok, ok, ok, ok, creating, updating],
  any: inEveryState,
};

/** Rows of keys whose origin has its say: an operation that takes none of them refuses them after the state. */
const expectedOf: Readonly<Partial<Record<OriginType, Readonly<Partial<Record<StateRule, Row>>>>>> =
  {
    EXTERNAL: {
      rotatable: [ok, ok, ok, ok, ok, ok, creating, ok],
      rotatableOnDemand: [ok, disabled, deletion, deletion, importing, ok, creating, updating],
      importable: [ok, ok, deletion, deletion, ok, ok, creating, updating],
      takesMaterial: [ok, ok, deletion, deletion, ok, ok, creating, ok],
    },
    AWS_CLOUDHSM: {
      rotatable: [ok, ok, ok, ok, ok, ok, creating, ok],
      rotatableOnDemand: [ok, disabled, deletion, deletion, importing, ok, creating, updating],
    },
  };

const rules = Object.keys(stateRules) as StateRule[];
const origins: readonly OriginType[] = ['AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM'];

test.each(rules.flatMap((rule) => origins.map((origin) => [rule, origin] as const)))(
  'the rule %s answers every state of a key of origin %s as its row says',
  async (rule, origin) => {
    const row: string[] = [];
    for (const state of states) {
      const { code, message } = await refusalOf(() => requireState({ arn, origin, state }, rule));
      row.push(`${code} ${message}`);
    }
    expect(row).toEqual(expectedOf[origin]?.[rule] ?? expected[rule]);
  },
);

test('the rules know every state of the model', () => {
  const shape = shapes['KeyState'];
  if (shape?.type !== 'string') throw new Error('KeyState is no string');
  for (const known of [states, Object.keys(stateRules.any)]) {
    expect([...known].sort()).toEqual([...(shape.enum ?? [])].sort());
  }
});

const storeStates = [
  ['CONNECTED', 'Enabled', 'Disabled'],
  ['CONNECTING', 'Enabled', 'Disabled'],
  ['FAILED', 'Enabled', 'Disabled'],
  ['DISCONNECTED', 'Unavailable', 'Unavailable'],
  ['DISCONNECTING', 'Unavailable', 'Unavailable'],
] as const;
test.each(storeStates)(
  'keys of a custom key store that is %s are %s, and those that were disabled %s',
  (connectionState, enabled, disabled) => {
    const id = 'cks-1234567890abcdef0';
    const customKeyStore = { id, connectionState, cloudHsmClusterId: undefined };
    const now = (state: KeyState): KeyState =>
      stateNow({ state, lapsesAt: undefined, customKeyStore });
    expect([now('Enabled'), now('Disabled')]).toEqual([enabled, disabled]);
    expect(now('PendingDeletion')).toBe('PendingDeletion');
  },
);
