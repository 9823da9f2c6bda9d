import {
  CreateAliasCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, putIntoState } from '../support/kms';
import { type Reply, badRequest, call, refusal } from '../support/wire';

const states = [
  'Enabled',
  'Disabled',
  'PendingDeletion',
  'PendingReplicaDeletion',
  'PendingImport',
  'Unavailable',
  'Creating',
  'Updating',
] as const;
type State = (typeof states)[number];

/** Code and text of the numbers in kms-semantics §1.2. */
const refusals: Readonly<Record<number, (arn: string) => Readonly<Record<string, unknown>>>> = {
  1: (arn) => badRequest('DisabledException', `${arn} is disabled.`),
  3: (arn) => badRequest('KMSInvalidStateException', `${arn} is pending deletion.`),
  4: (arn) => badRequest('KMSInvalidStateException', `${arn} is not pending deletion.`),
  5: (arn) => badRequest('KMSInvalidStateException', `${arn} is pending import.`),
  11: (arn) => badRequest('KMSInvalidStateException', `${arn} is unavailable.`),
  14: (arn) => badRequest('KMSInvalidStateException', `${arn} is creating.`),
  15: (arn) => badRequest('KMSInvalidStateException', `${arn} is updating.`),
};

type Row = Readonly<Record<State, number>>;
const row = (...numbers: readonly number[]): Row =>
  Object.fromEntries(states.map((state, i) => [state, numbers[i] ?? 0])) as Row;

/** kms-semantics §1.3 as it stands there; 0 is ok. The columns are `states`. */
const cryptographic = row(0, 1, 3, 3, 5, 11, 14, 0);
const enablement = row(0, 0, 3, 3, 5, 0, 14, 15);
const notPendingDeletion = row(0, 0, 3, 3, 0, 0, 0, 0);
const deletable = row(0, 0, 3, 3, 0, 0, 0, 15);
const pendingDeletion = row(4, 4, 0, 0, 4, 4, 4, 4);
const any = row(0, 0, 0, 0, 0, 0, 0, 0);

interface Case {
  readonly row: Row;
  /** The input for a key in the state. `spare` is an enabled key with a ciphertext and an alias of its own. */
  readonly input: (key: NewKey, spare: Spare) => object;
}

interface Spare extends NewKey {
  readonly ciphertext: string;
  readonly alias: string;
}

const keyOnly = ({ id }: NewKey) => ({ KeyId: id });
const dataKey = ({ id }: NewKey) => ({ KeyId: id, KeySpec: 'AES_256' });
const cases: Readonly<Record<string, Case>> = {
  Encrypt: { row: cryptographic, input: ({ id }) => ({ KeyId: id, Plaintext: 'YQ==' }) },
  GenerateDataKey: { row: cryptographic, input: dataKey },
  GenerateDataKeyWithoutPlaintext: { row: cryptographic, input: dataKey },
  ReEncrypt: {
    row: cryptographic,
    input: ({ id }, { ciphertext }) => ({ CiphertextBlob: ciphertext, DestinationKeyId: id }),
  },
  CreateAlias: {
    row: notPendingDeletion,
    input: ({ id }) => ({ AliasName: `alias/${id}`, TargetKeyId: id }),
  },
  UpdateAlias: {
    row: notPendingDeletion,
    input: ({ id }, { alias }) => ({ AliasName: alias, TargetKeyId: id }),
  },
  UpdateKeyDescription: {
    row: notPendingDeletion,
    input: ({ id }) => ({ KeyId: id, Description: 'd' }),
  },
  TagResource: {
    row: notPendingDeletion,
    input: ({ id }) => ({ KeyId: id, Tags: [{ TagKey: 'k', TagValue: 'v' }] }),
  },
  UntagResource: { row: notPendingDeletion, input: ({ id }) => ({ KeyId: id, TagKeys: ['k'] }) },
  ListResourceTags: { row: any, input: keyOnly },
  DescribeKey: { row: any, input: keyOnly },
  GetKeyLastUsage: { row: any, input: keyOnly },
  ListAliases: { row: any, input: keyOnly },
  DisableKey: { row: enablement, input: keyOnly },
  EnableKey: { row: enablement, input: keyOnly },
  ScheduleKeyDeletion: { row: deletable, input: keyOnly },
  CancelKeyDeletion: { row: pendingDeletion, input: keyOnly },
};

let daemon: TestDaemon;
let kms: KMSClient;
beforeAll(async () => {
  daemon = await startDaemon();
  kms = daemon.client();
});
afterAll(() => daemon.remove());

async function spareKey(): Promise<Spare> {
  const key = await createKey(kms);
  const sealed = await kms.send(new EncryptCommand({ KeyId: key.id, Plaintext: Buffer.from('a') }));
  const alias = `alias/spare-${key.id}`;
  await kms.send(new CreateAliasCommand({ AliasName: alias, TargetKeyId: key.id }));
  return { ...key, alias, ciphertext: Buffer.from(sealed.CiphertextBlob!).toString('base64') };
}

function outcome(reply: Reply): Readonly<Record<string, unknown>> {
  return reply.status === 200 ? { status: 200 } : refusal(reply);
}

/** By SQL: most of them cannot be reached by what is served so far. */
describe.each(states)('A key in the state %s', (state) => {
  let spare: Spare;
  beforeAll(async () => {
    spare = await spareKey();
  });

  test.each(Object.entries(cases))(
    'answers %s as the table of states says',
    async (operation, { row: numbers, input }) => {
      const key = await createKey(kms);
      await putIntoState(daemon, key.id, state);
      const expected = refusals[numbers[state]]?.(key.arn) ?? { status: 200 };
      expect(outcome(await call(daemon, operation, input(key, spare)))).toEqual(expected);
    },
  );

  test('opens its ciphertexts, and lets go of its aliases, as the table of states says', async () => {
    const sealing = await spareKey();
    await putIntoState(daemon, sealing.id, state);
    const expected = refusals[cryptographic[state]]?.(sealing.arn) ?? { status: 200 };
    const source = { CiphertextBlob: sealing.ciphertext };
    expect(outcome(await call(daemon, 'Decrypt', source))).toEqual(expected);
    const { id } = await createKey(kms);
    const moving = { ...source, DestinationKeyId: id };
    expect(outcome(await call(daemon, 'ReEncrypt', moving))).toEqual(expected);
    expect((await call(daemon, 'DeleteAlias', { AliasName: sealing.alias })).status).toBe(200);
  });

  test('shows in DescribeKey, enabled only when it is Enabled', async () => {
    const key = await createKey(kms);
    await putIntoState(daemon, key.id, state);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: key.id }));
    expect(KeyMetadata).toMatchObject({ KeyState: state, Enabled: state === 'Enabled' });
    expect(KeyMetadata?.DeletionDate instanceof Date).toBe(state === 'PendingDeletion');
  });
});
