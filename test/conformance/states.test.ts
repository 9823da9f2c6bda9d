import { DescribeKeyCommand, type KMSClient, KMSServiceException } from '@aws-sdk/client-kms';
import { operations } from '../../src/operations';
import { operationNamesOf } from '../../src/shapes/operations';
import { outcomeIn } from '../support/key-states';
import { type KeyStoreStage, openKeyStoreStage } from '../support/key-stores';
import { type KeyKind, type Subject, putBack, subjectsOf } from '../support/state-stage';
import { type TableRow, stateTable } from '../support/state-table';

const served = operationNamesOf('kms').filter((name) => name in operations);

/** Operations that are about no key, or make it. */
const withoutKey: readonly string[] = [
  'ConnectCustomKeyStore',
  'CreateCustomKeyStore',
  'CreateKey',
  'DeleteCustomKeyStore',
  'DescribeCustomKeyStores',
  'DisconnectCustomKeyStore',
  'GenerateRandom',
  'ListKeys',
  'ListRetirableGrants',
  'UpdateCustomKeyStore',
];

/** Lines of the table that nothing can be asked of yet. */
const notServedYet: readonly string[] = ['ReplicateKey', 'UpdatePrimaryRegion'];

let stage: KeyStoreStage;
let kms: KMSClient;
beforeAll(async () => {
  stage = await openKeyStoreStage();
  kms = stage.kms;
});
afterAll(() => stage.remove());

const made = new Map<KeyKind, Promise<Subject[]>>();

/** The operations share the keys: those that change them put them back. */
function subjects(kind: KeyKind): Promise<Subject[]> {
  const found = made.get(kind) ?? subjectsOf(stage, kind);
  made.set(kind, found);
  return found;
}

async function outcomeOf(sending: Promise<unknown>): Promise<string> {
  try {
    await sending;
    return 'ok';
  } catch (error) {
    if (!(error instanceof KMSServiceException)) throw error;
    const { name, message, $metadata } = error;
    return $metadata.httpStatusCode === 400 ? `${name} ${message}` : `${message} is no refusal`;
  }
}

const titleOf = ({ operation, as }: TableRow): string =>
  as === undefined ? operation : `${operation} with the key as ${as}`;

describe('The table of operations and key states', () => {
  test('has a line for each operation on a key that is served', () => {
    const lines: readonly string[] = stateTable.map(({ operation }) => operation);
    const known = new Set([...lines, ...withoutKey]);
    expect(served.filter((name) => !known.has(name))).toEqual([]);
  });

  test('has lines that are not asked of exactly the operations that are not served', () => {
    const lines = new Set(stateTable.map(({ operation }) => operation));
    expect([...lines].filter((name) => !served.includes(name))).toEqual(notServedYet);
  });

  test('is about states that DescribeKey shows, of which Enabled alone is enabled', async () => {
    for (const { id, state } of await subjects('symmetric')) {
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: id }));
      expect(KeyMetadata).toMatchObject({ KeyState: state, Enabled: state === 'Enabled' });
      expect(KeyMetadata?.DeletionDate instanceof Date).toBe(state === 'PendingDeletion');
    }
  });

  test.each(
    stateTable
      .filter(({ operation }) => served.includes(operation))
      .map((row) => [titleOf(row), row] as const),
  )('%s answers every key as its line says', async (_, { cells, kind, send, changes }) => {
    const asked = (await subjects(kind ?? 'symmetric')).flatMap((key) => {
      const expected = outcomeIn(cells, key);
      return expected === undefined ? [] : [{ key, expected, name: `${key.state} ${key.origin}` }];
    });
    const outcomes = await Promise.all(asked.map(({ key }) => outcomeOf(send(kms, key))));
    expect(Object.fromEntries(asked.map(({ name }, i) => [name, outcomes[i]]))).toEqual(
      Object.fromEntries(asked.map(({ name, expected }) => [name, expected])),
    );
    if (changes !== true) return;
    for (const { key } of asked.filter((__, i) => outcomes[i] === 'ok')) {
      await putBack(stage, key);
    }
  });
});
