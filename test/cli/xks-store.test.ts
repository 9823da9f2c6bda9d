import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventsNamed } from '../support/audit';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { commandFailure } from '../support/services';
import { makeExternalKey, makeXksCredential, xks, xksList } from '../support/xks-commands';

let daemon: TestDaemon;
let home: string;
beforeAll(async () => {
  [daemon, home] = await Promise.all([
    startDaemon(),
    mkdtemp(path.join(tmpdir(), 'claviger-xks-')),
  ]);
});
afterAll(() => Promise.all([daemon.remove(), rm(home, { recursive: true })]));

const fails = (...args: string[]): Promise<string> => commandFailure(daemon, 'xks', ...args);

async function fileOf(text: string): Promise<string> {
  const file = path.join(home, 'rules.json');
  await writeFile(file, text);
  return file;
}

const rules = { rules: [{ name: 'all', effect: 'allow', kmsOperation: '*' }] };

test('A store is made, shown, listed, changed and deleted', async () => {
  const file = await fileOf(JSON.stringify(rules));
  const options = ['--region', 'eu-west-1', '--rate', '1800', '--rules', file];
  const made = await xks(daemon, 'store', 'create', '/emea/payments', ...options);
  expect(made).toEqual({
    ...{ Prefix: '/emea/payments', XksProxyUriPath: '/emea/payments/kms/xks/v1' },
    ...{ AccountId: daemon.accountId, Region: 'eu-west-1', Status: 'ENABLED' },
    ...{ Rate: 1800, Rules: rules },
    CreationDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
  });
  expect(await xksList(daemon, 'store', 'list')).toContainEqual(made);
  expect(await xks(daemon, 'store', 'show', '/emea/payments')).toEqual({
    ...{ ...made, Credentials: [], ExternalKeys: 0 },
  });
  const changed = { ...made, Region: 'us-west-2', Rate: null, Rules: null };
  const update = ['--region', 'us-west-2', '--no-rate', '--no-rules'];
  expect(await xks(daemon, 'store', 'update', '/emea/payments', ...update)).toEqual(changed);
  const disabled = { ...changed, Status: 'DISABLED' };
  expect(await xks(daemon, 'store', 'disable', '/emea/payments')).toEqual(disabled);
  expect(await xks(daemon, 'store', 'enable', '/emea/payments')).toEqual(changed);
  expect(await xks(daemon, 'store', 'delete', '/emea/payments')).toEqual({
    Prefix: '/emea/payments',
  });
  expect(await xksList(daemon, 'store', 'list')).not.toContainEqual(
    expect.objectContaining({ Prefix: '/emea/payments' }),
  );
});

test('What it is left to is that of the settings, and no limit', async () => {
  expect(await xks(daemon, 'store', 'create', '/plain')).toMatchObject({
    ...{ AccountId: daemon.accountId, Region: daemon.region, Rate: null, Rules: null },
  });
});

test('The empty prefix is written as /', async () => {
  expect(await xks(daemon, 'store', 'create', '/')).toMatchObject({
    ...{ Prefix: '', XksProxyUriPath: '/kms/xks/v1' },
  });
  expect(await fails('store', 'create', '')).toBe(
    'claviger: the external key store / is there already',
  );
  expect(await daemon.run('xks', 'store', 'delete', '/')).toBe(
    'deleted the external key store /\n',
  );
});

test('People read sentences and tables', async () => {
  expect(await daemon.run('xks', 'store', 'create', '/read', '--rate', '5')).toBe(
    'made the external key store /read: its XksProxyUriPath is /read/kms/xks/v1\n',
  );
  const { AccessKeyId } = await makeXksCredential(daemon, '/read');
  const list = await daemon.run('xks', 'store', 'list');
  expect(list).toMatch(/^PREFIX +XKS PROXY URI PATH +ACCOUNT +REGION +STATUS +RATE +RULES$/m);
  expect(list).toMatch(/^\/read +\/read\/kms\/xks\/v1 +111122223333 +us-east-1 +ENABLED +5 +no$/m);
  const shown = await daemon.run('xks', 'store', 'show', '/read');
  expect(shown).toMatch(/^rate +5 requests a second$/m);
  expect(shown).toMatch(new RegExp(`^credentials +${AccessKeyId} \\(ENABLED\\)$`, 'm'));
  expect(shown).toMatch(/^external keys +0$/m);
});

test('A store of another account is made in an account that there is', async () => {
  expect(await fails('store', 'create', '/other', '--account', '222233334444')).toBe(
    'claviger: there is no account 222233334444: `claviger account create` makes it',
  );
  await daemon.run('account', 'create', '222233334444');
  expect(await xks(daemon, 'store', 'create', '/other', '--account', '222233334444')).toMatchObject(
    { AccountId: '222233334444' },
  );
  const { KeyArn } = await makeExternalKey(daemon, '/other', 'a');
  expect(KeyArn).toMatch(/^arn:aws:kms:us-east-1:222233334444:key\//);
});

test('A store that has keys is not deleted, and one whose keys are deleted is', async () => {
  await xks(daemon, 'store', 'create', '/kept');
  await makeExternalKey(daemon, '/kept', 'a');
  expect(await fails('store', 'delete', '/kept')).toBe(
    'claviger: the external key store /kept has 1 external key: `claviger xks key delete` them first',
  );
  await daemon.run('xks', 'key', 'delete', '/kept', 'a');
  await daemon.run('xks', 'store', 'delete', '/kept');
});

test('Each change is in the audit trail', async () => {
  await xks(daemon, 'store', 'create', '/audited');
  await xks(daemon, 'store', 'disable', '/audited');
  await xks(daemon, 'store', 'delete', '/audited');
  const about = async (name: string): Promise<unknown[]> =>
    (await eventsNamed(daemon, name)).filter(({ serviceEventDetails: details }) =>
      JSON.stringify(details).includes('/audited/kms/xks/v1'),
    );
  const details = { xksProxyUriPath: '/audited/kms/xks/v1', region: 'us-east-1' };
  expect(await about('CreateExternalKeyStore')).toEqual([
    expect.objectContaining({
      ...{ eventType: 'AwsServiceEvent', recipientAccountId: daemon.accountId },
      serviceEventDetails: { ...details, status: 'ENABLED' },
    }),
  ]);
  expect(await about('UpdateExternalKeyStore')).toMatchObject([
    { serviceEventDetails: { ...details, status: 'DISABLED' } },
  ]);
  expect(await about('DeleteExternalKeyStore')).toHaveLength(1);
});

describe('refuses in one line', () => {
  test('what cannot be, before it looks anywhere', async () => {
    expect(await fails('store', 'create', 'payments')).toBe(
      'claviger: "payments" is no prefix: it is like /payments or /emea/payments, of letters, digits, - and _; / stands for none',
    );
  });

  test('rules that are not there, or are none: every fault of them', async () => {
    const absent = path.join(home, 'absent.json');
    expect(await fails('store', 'create', '/ruled', '--rules', absent)).toBe(
      `claviger: ${absent} cannot be read: ENOENT`,
    );
    const file = await fileOf('{"rules":[{"effect":"maybe","kmsOperation":[]}]}');
    expect(await fails('store', 'create', '/ruled', '--rules', file)).toBe(
      `claviger: ${file}: /rules/0/name must be 1 to 64 letters, digits, '.', '_' or '-'; /rules/0/effect must be 'allow' or 'deny'; /rules/0/kmsOperation must not be empty`,
    );
  });

  test('a change of nothing', async () => {
    expect(await fails('store', 'update', '/plain')).toBe(
      'claviger: there is nothing to change: name --region, --rate, --no-rate, --rules or --no-rules',
    );
  });

  test.each([
    ['store', 'disable', '/absent'],
    ['credential', 'create', '/absent'],
    ['key', 'create', '/absent', 'a'],
  ])('a store that there is not: %s %s', async (...args) => {
    expect(await fails(...args)).toBe(
      'claviger: there is no external key store /absent: `claviger xks store create` makes it',
    );
  });

  test('to show a store that there is not', async () => {
    expect(await fails('store', 'show', '/absent')).toBe(
      'claviger: there is no external key store /absent',
    );
  });

  test('and what was refused made nothing', async () => {
    const prefixes = (await xksList(daemon, 'store', 'list')).map(({ Prefix }) => Prefix);
    expect(prefixes).not.toContain('/ruled');
    expect(prefixes).not.toContain('/absent');
  });
});

test('All changes were taken in by the running daemon', () => {
  expect(daemon.log.filter(({ level }) => level !== 'info')).toEqual([]);
});
