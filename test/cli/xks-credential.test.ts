import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { eventsNamed } from '../support/audit';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { administer } from '../support/postgres';
import { commandFailure } from '../support/services';
import { makeXksCredential, xks, xksList } from '../support/xks-commands';

let daemon: TestDaemon;
let home: string;
beforeAll(async () => {
  [daemon, home] = await Promise.all([
    startDaemon(),
    mkdtemp(path.join(tmpdir(), 'claviger-xks-')),
  ]);
  for (const prefix of ['/one', '/other']) await xks(daemon, 'store', 'create', prefix);
});
afterAll(() => Promise.all([daemon.remove(), rm(home, { recursive: true })]));

const fails = (...args: string[]): Promise<string> =>
  commandFailure(daemon, 'xks', 'credential', ...args);

test('A credential is of the form that AWS KMS takes, and another one each time', async () => {
  const made = await xks(daemon, 'credential', 'create', '/one');
  expect(made).toEqual({
    ...{ Prefix: '/one', XksProxyUriPath: '/one/kms/xks/v1' },
    AccessKeyId: expect.stringMatching(/^[A-Z2-7]{20,30}$/) as string,
    RawSecretAccessKey: expect.stringMatching(/^[a-zA-Z0-9/+=]{43,64}$/) as string,
  });
  const secret = Buffer.from(String(made['RawSecretAccessKey']), 'base64');
  expect(secret.length * 8).toBeGreaterThanOrEqual(256);
  const other = await makeXksCredential(daemon, '/one');
  expect(other.AccessKeyId).not.toBe(made['AccessKeyId']);
  expect(other.RawSecretAccessKey).not.toBe(made['RawSecretAccessKey']);
});

test('People read it as three lines', async () => {
  expect(await daemon.run('xks', 'credential', 'create', '/one')).toMatch(
    /^XksProxyUriPath +\/one\/kms\/xks\/v1\nAccessKeyId +[A-Z2-7]{26}\nRawSecretAccessKey +[a-zA-Z0-9/+]{48}\nthe secret is not shown again\n$/,
  );
});

test('Its secret is neither in the database nor in the audit trail', async () => {
  const { AccessKeyId, RawSecretAccessKey } = await makeXksCredential(daemon, '/one');
  const [row] = await administer<{ sealed_secret: Buffer }>(
    daemon.databaseUrl,
    'select sealed_secret from xks_credential where access_key_id = $1',
    [AccessKeyId],
  );
  expect(row?.sealed_secret.includes(RawSecretAccessKey)).toBe(false);
  const events = await eventsNamed(daemon, 'CreateXksCredential');
  expect(events.at(-1)).toMatchObject({
    ...{ eventType: 'AwsServiceEvent', recipientAccountId: daemon.accountId },
    serviceEventDetails: { xksProxyUriPath: '/one/kms/xks/v1', accessKeyId: AccessKeyId },
  });
  expect(JSON.stringify(events)).not.toContain(RawSecretAccessKey);
});

describe('the upload file', () => {
  test('is what the console takes, for its owner alone', async () => {
    const file = path.join(home, 'upload.json');
    const made = await xks(daemon, 'credential', 'create', '/one', '--upload-file', file);
    expect(made).toMatchObject({ UploadFile: file });
    expect(JSON.parse(await readFile(file, 'utf8'))).toEqual({
      XksProxyUriPath: '/one/kms/xks/v1',
      XksProxyAuthenticationCredential: {
        AccessKeyId: made['AccessKeyId'],
        RawSecretAccessKey: made['RawSecretAccessKey'],
      },
    });
    expect((await stat(file)).mode & 0o777).toBe(0o600);
  });

  test('that is there already is left as it is, and no credential is made', async () => {
    const file = path.join(home, 'mine.json');
    await writeFile(file, 'mine');
    const before = await xksList(daemon, 'credential', 'list');
    expect(await fails('create', '/one', '--upload-file', file)).toBe(
      `claviger: ${file} cannot be written: EEXIST`,
    );
    expect(await readFile(file, 'utf8')).toBe('mine');
    expect(await xksList(daemon, 'credential', 'list')).toEqual(before);
  });

  test('that cannot be written makes no credential', async () => {
    const before = await xksList(daemon, 'credential', 'list');
    const file = path.join(home, 'no', 'such', 'directory.json');
    expect(await fails('create', '/one', '--upload-file', file)).toBe(
      `claviger: ${file} cannot be written: ENOENT`,
    );
    expect(await xksList(daemon, 'credential', 'list')).toEqual(before);
  });

  test('does not outlive a credential that could not be made', async () => {
    const file = path.join(home, 'failed.json');
    await administer(
      daemon.databaseUrl,
      `create function refuse() returns trigger as $$ begin raise exception 'no'; end $$ language plpgsql;
       create trigger refuse before insert on audit_record for each row
       when (new.record like '%CreateXksCredential%') execute function refuse()`,
    );
    try {
      await fails('create', '/one', '--upload-file', file);
    } finally {
      await administer(daemon.databaseUrl, 'drop function refuse cascade');
    }
    await expect(stat(file)).rejects.toMatchObject({ code: 'ENOENT' });
  });
});

test('Credentials are listed without secrets, of one store or of all', async () => {
  const [one, other] = [
    await makeXksCredential(daemon, '/one'),
    await makeXksCredential(daemon, '/other'),
  ];
  const entry = (prefix: string, { AccessKeyId }: { AccessKeyId: string }): object => ({
    ...{ Prefix: prefix, AccessKeyId, Status: 'ENABLED' },
    CreationDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
  });
  const all = await xksList(daemon, 'credential', 'list');
  expect(all).toContainEqual(entry('/one', one));
  expect(all).toContainEqual(entry('/other', other));
  expect(await xksList(daemon, 'credential', 'list', '/other')).toEqual([entry('/other', other)]);
  const page = await daemon.run('xks', 'credential', 'list', '/other');
  expect(page).toMatch(/^PREFIX +ACCESS KEY ID +STATUS +CREATED\n/);
  expect(page).toMatch(new RegExp(`^/other +${other.AccessKeyId} +ENABLED +\\S+Z$`, 'm'));
  expect(page).not.toContain(other.RawSecretAccessKey);
  expect(await fails('list', '/nowhere')).toBe(
    'claviger: there is no external key store /nowhere: `claviger xks store create` makes it',
  );
});

test('A credential is disabled, enabled and deleted', async () => {
  const { AccessKeyId } = await makeXksCredential(daemon, '/other');
  const status = async (): Promise<unknown> =>
    (await xksList(daemon, 'credential', 'list', '/other')).find(
      (listed) => listed['AccessKeyId'] === AccessKeyId,
    )?.['Status'];
  for (const [command, expected] of [
    ['disable', 'DISABLED'],
    ['enable', 'ENABLED'],
  ] as const) {
    expect(await xks(daemon, 'credential', command, '/other', AccessKeyId)).toEqual({
      ...{ Prefix: '/other', AccessKeyId, Status: expected },
    });
    expect(await status()).toBe(expected);
  }
  expect(await xks(daemon, 'credential', 'delete', '/other', AccessKeyId)).toEqual({
    ...{ Prefix: '/other', AccessKeyId },
  });
  expect(await status()).toBeUndefined();
});

describe('refuses in one line', () => {
  test('a credential of another store', async () => {
    const { AccessKeyId } = await makeXksCredential(daemon, '/one');
    for (const command of ['disable', 'delete']) {
      expect(await fails(command, '/other', AccessKeyId)).toBe(
        `claviger: the external key store /other has no credential ${AccessKeyId}`,
      );
    }
  });

  test('more than ten of one store', async () => {
    await xks(daemon, 'store', 'create', '/many');
    await administer(
      daemon.databaseUrl,
      `insert into xks_credential (access_key_id, prefix, sealed_secret, sealing_key_id)
       select repeat(chr(64 + n), 20), '/many', sealed_secret, sealing_key_id
       from generate_series(1, 10) n, (select * from xks_credential limit 1) one`,
    );
    expect(await fails('create', '/many')).toBe(
      'claviger: the external key store /many has 10 credentials already',
    );
  });

  test('to seal without a sealing key', async () => {
    await administer(
      daemon.databaseUrl,
      `update system_key set purpose = 'away' where purpose = 'xks-credential-sealing'`,
    );
    try {
      expect(await fails('create', '/one')).toBe(
        'claviger: there is no key that seals credentials: `claviger init` makes what is missing',
      );
    } finally {
      await administer(
        daemon.databaseUrl,
        `update system_key set purpose = 'xks-credential-sealing' where purpose = 'away'`,
      );
    }
  });
});
