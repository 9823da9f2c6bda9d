import { spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  CancelKeyDeletionCommand,
  CreateAliasCommand,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DescribeKeyCommand,
  GetKeyPolicyCommand,
  type KMSClient,
  ListKeyRotationsCommand,
  ListKeysCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { Client } from 'pg';
import { openToken } from '../../hsm';
import { eventsNamed } from '../support/audit';
import { type TestDaemon, commandLine, startDaemon } from '../support/daemon';
import { administer, lockWaiters } from '../support/postgres';
import { commandFailure } from '../support/services';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';
import { makeExternalKey, xks, xksList } from '../support/xks-commands';

let daemon: TestDaemon;
let kms: KMSClient;
beforeAll(async () => {
  daemon = await startDaemon({
    environment: { CLAVIGER_MAX_KEYS_PER_ACCOUNT: '40', CLAVIGER_JOB_INTERVAL_MS: '100' },
  });
  kms = daemon.client();
  for (const prefix of ['/one', '/other']) await xks(daemon, 'store', 'create', prefix);
});
afterAll(() => daemon.remove());

const fails = (...args: string[]): Promise<string> => commandFailure(daemon, 'xks', 'key', ...args);

interface Listed {
  readonly ExternalKeyId: string;
  readonly KeyId: string | null;
  readonly KeyState: string | null;
  readonly Status: string;
}

const listed = async (id: string): Promise<Listed | undefined> =>
  (await xksList<Listed>(daemon, 'key', 'list')).find(({ ExternalKeyId }) => ExternalKeyId === id);

async function kmsKey(input: CreateKeyCommandInput = {}): Promise<{ id: string; arn: string }> {
  const { KeyMetadata } = await kms.send(new CreateKeyCommand(input));
  return { id: KeyMetadata?.KeyId ?? '', arn: KeyMetadata?.Arn ?? '' };
}

async function keyCount(): Promise<number> {
  const [row] = await administer<{ key_count: number }>(
    daemon.databaseUrl,
    'select key_count from account where account_id = $1',
    [daemon.accountId],
  );
  return row?.key_count ?? 0;
}

async function keysInToken(): Promise<string[]> {
  const token = await openToken(tokenOptions(daemon.token));
  try {
    return await token.listKeys('claviger:key:');
  } finally {
    await token.close();
  }
}

describe('key create', () => {
  test('makes a KMS key as CreateKey does, and gives it the id', async () => {
    const before = await keyCount();
    const made = await xks(daemon, 'key', 'create', '/one', 'made');
    expect(made).toEqual({
      ...{ Prefix: '/one', ExternalKeyId: 'made', Status: 'ENABLED', KeyState: 'Enabled' },
      KeyId: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
      KeyArn: `arn:aws:kms:us-east-1:${daemon.accountId}:key/${String(made['KeyId'])}`,
      CurrentKeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      ...{ Usage: ['ENCRYPT', 'DECRYPT'], Rules: null },
      CreationDate: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
    });
    expect(await keyCount()).toBe(before + 1);
    const KeyId = String(made['KeyId']);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata).toMatchObject({
      ...{ KeySpec: 'SYMMETRIC_DEFAULT', KeyUsage: 'ENCRYPT_DECRYPT', Origin: 'AWS_KMS' },
      ...{ Enabled: true, KeyManager: 'CUSTOMER', Description: 'XKS /one made' },
    });
    const { Policy: policy } = await kms.send(new GetKeyPolicyCommand({ KeyId }));
    const plain = await kmsKey();
    const { Policy: usual } = await kms.send(new GetKeyPolicyCommand({ KeyId: plain.id }));
    expect(policy).toBe(usual);
  });

  test('is in the audit trail', async () => {
    const { KeyArn, KeyId } = await makeExternalKey(daemon, '/one', 'audited');
    expect((await eventsNamed(daemon, 'CreateExternalKey')).at(-1)).toMatchObject({
      ...{ eventType: 'AwsServiceEvent', recipientAccountId: daemon.accountId },
      resources: [{ ARN: KeyArn, type: 'AWS::KMS::Key' }],
      serviceEventDetails: {
        ...{ xksProxyUriPath: '/one/kms/xks/v1', externalKeyId: 'audited', keyId: KeyId },
        ...{ keyUsage: ['ENCRYPT', 'DECRYPT'], status: 'ENABLED' },
      },
    });
  });

  test('says to people which KMS key it is', async () => {
    expect(await daemon.run('xks', 'key', 'create', '/one', 'said')).toMatch(
      /^made the external key said of \/one: the KMS key arn:aws:kms:us-east-1:111122223333:key\/[0-9a-f-]{36}\n$/,
    );
  });

  test('takes the usage that is asked for', async () => {
    expect(await makeExternalKey(daemon, '/one', 'opens', '--usage', 'DECRYPT')).toMatchObject({
      Usage: ['DECRYPT'],
    });
  });

  test('takes an id of another store, and the longest that AWS KMS may send', async () => {
    await makeExternalKey(daemon, '/other', 'made');
    const id = `._-${'x'.repeat(125)}`;
    expect(await makeExternalKey(daemon, '/other', id)).toMatchObject({ ExternalKeyId: id });
  });

  test('that fails leaves neither a key, nor its material, nor a count', async () => {
    const [count, inToken] = [await keyCount(), await keysInToken()];
    const { Keys: keys } = await kms.send(new ListKeysCommand({}));
    await administer(
      daemon.databaseUrl,
      `create function refuse() returns trigger as $$ begin raise exception 'no'; end $$ language plpgsql;
       create trigger refuse before insert on audit_record for each row
       when (new.record like '%CreateExternalKey%') execute function refuse()`,
    );
    try {
      expect(await fails('create', '/one', 'failed')).toMatch(/^claviger: DatabaseError: /);
    } finally {
      await administer(daemon.databaseUrl, 'drop function refuse cascade');
    }
    expect(await listed('failed')).toBeUndefined();
    expect(await keyCount()).toBe(count);
    expect((await kms.send(new ListKeysCommand({}))).Keys).toEqual(keys);
    expect(new Set(await keysInToken())).toEqual(new Set(inToken));
    await makeExternalKey(daemon, '/one', 'failed');
  });

  test('that is killed half-way leaves what timed work destroys', async () => {
    const [count, inToken] = [await keyCount(), await keysInToken()];
    const client = new Client({ connectionString: daemon.databaseUrl });
    await client.connect();
    try {
      await client.query('begin');
      // The key is counted last, when its material is in the token.
      await client.query('select from account for no key update');
      const command = [commandLine, 'xks', 'key', 'create', '/one', 'killed'];
      const child = spawn(process.execPath, command, { env: daemon.environment });
      const ended = once(child, 'exit');
      await until('it waits to count', async () => (await lockWaiters(daemon.databaseUrl)) > 0);
      expect(await keysInToken()).toHaveLength(inToken.length + 1);
      child.kill('SIGKILL');
      await ended;
    } finally {
      await client.end();
    }
    await administer(daemon.databaseUrl, 'update doomed_object set due_at = now()');
    const lengthNow = async (): Promise<number> => (await keysInToken()).length;
    await until('it is destroyed', async () => (await lengthNow()) === inToken.length);
    expect(await listed('killed')).toBeUndefined();
    expect(await keyCount()).toBe(count);
  });

  test('in an account that has as many keys as it may have', async () => {
    await administer(
      daemon.databaseUrl,
      `insert into account (account_id, key_count) values ('333344445555', 40)`,
    );
    await xks(daemon, 'store', 'create', '/full', '--account', '333344445555');
    expect(await fails('create', '/full', 'a')).toBe(
      'claviger: Key quota for this account in this region is 40, current usage is 40.',
    );
    expect(await listed('a')).toBeUndefined();
  });

  test('refuses an id that is taken', async () => {
    await makeExternalKey(daemon, '/one', 'taken');
    expect(await fails('create', '/one', 'taken')).toBe(
      'claviger: the external key taken of /one is there already',
    );
  });
});

describe('key link', () => {
  test('takes a key id, an ARN and an alias', async () => {
    const [one, two, three] = [await kmsKey(), await kmsKey(), await kmsKey()];
    await kms.send(new CreateAliasCommand({ AliasName: 'alias/linked', TargetKeyId: three.id }));
    for (const [id, named, key] of [
      ['by-id', one.id, one],
      ['by-arn', two.arn, two],
      ['by-alias', 'alias/linked', three],
    ] as const) {
      expect(await xks(daemon, 'key', 'link', '/one', id, named)).toMatchObject({
        ...{ ExternalKeyId: id, KeyId: key.id, KeyArn: key.arn, Status: 'ENABLED' },
      });
    }
    expect((await eventsNamed(daemon, 'LinkExternalKey')).at(-1)).toMatchObject({
      resources: [{ ARN: three.arn }],
      serviceEventDetails: { externalKeyId: 'by-alias', keyId: three.id },
    });
  });

  test('takes a key whose material is brought', async () => {
    const { id } = await kmsKey({ Origin: 'EXTERNAL' });
    expect(await xks(daemon, 'key', 'link', '/one', 'brought', id)).toMatchObject({
      ...{ KeyId: id, KeyState: 'PendingImport', CurrentKeyMaterialId: null },
    });
  });

  test('refuses a second id for a KMS key, in whichever store', async () => {
    const { id, arn } = await kmsKey();
    await daemon.run('xks', 'key', 'link', '/one', 'first', id);
    for (const prefix of ['/one', '/other']) {
      expect(await fails('link', prefix, 'second', id)).toBe(
        `claviger: ${arn} is the external key first of /one already: AWS KMS could not tell that two are one`,
      );
    }
  });

  test('of one key to two ids at once links one', async () => {
    const { id } = await kmsKey();
    const outcomes = await Promise.allSettled(
      ['race-1', 'race-2'].map((name) => daemon.run('xks', 'key', 'link', '/one', name, id)),
    );
    expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
  });

  test.each([
    [{ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' }, 'RSA_2048 for ENCRYPT_DECRYPT'],
    [{ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }, 'HMAC_256 for GENERATE_VERIFY_MAC'],
  ] as const)('refuses a key of %j', async (input, what) => {
    const { id, arn } = await kmsKey(input);
    expect(await fails('link', '/one', 'unfit', id)).toBe(
      `claviger: ${arn} cannot be an external key: it is ${what}, and not SYMMETRIC_DEFAULT for ENCRYPT_DECRYPT`,
    );
  });

  test('refuses a key that waits for its end', async () => {
    const { id, arn } = await kmsKey();
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: id }));
    expect(await fails('link', '/one', 'ending', id)).toBe(
      `claviger: ${arn} cannot be an external key: it is pending deletion`,
    );
    await kms.send(new CancelKeyDeletionCommand({ KeyId: id }));
    await daemon.run('xks', 'key', 'link', '/one', 'ending', id);
  });

  test('refuses what the account of the store does not have', async () => {
    const { id } = await kmsKey();
    await daemon.run('account', 'create', '444455556666');
    await xks(daemon, 'store', 'create', '/foreign', '--account', '444455556666');
    for (const [prefix, named, message] of [
      [
        '/foreign',
        `arn:aws:kms:us-east-1:${daemon.accountId}:key/${id}`,
        `the account 444455556666 has no KMS key arn:aws:kms:us-east-1:${daemon.accountId}:key/${id}`,
      ],
      [
        '/one',
        'alias/nobody',
        `the account ${daemon.accountId} has no KMS key arn:aws:kms:us-east-1:${daemon.accountId}:alias/nobody`,
      ],
      ['/one', 'nonsense', "Invalid keyId 'nonsense'"],
    ] as const) {
      expect(await fails('link', prefix, 'absent', named)).toBe(`claviger: ${message}`);
    }
    expect(await listed('absent')).toBeUndefined();
  });
});

describe('an external key', () => {
  test('is disabled, enabled and changed', async () => {
    const { KeyId } = await makeExternalKey(daemon, '/one', 'changed');
    const about = { ExternalKeyId: 'changed', KeyId };
    expect(await xks(daemon, 'key', 'disable', '/one', 'changed')).toMatchObject({
      ...{ ...about, Status: 'DISABLED' },
    });
    expect(await xks(daemon, 'key', 'enable', '/one', 'changed')).toMatchObject({
      ...{ ...about, Status: 'ENABLED' },
    });
    expect(
      await xks(daemon, 'key', 'update', '/one', 'changed', '--usage', 'DECRYPT'),
    ).toMatchObject({ ...about, Usage: ['DECRYPT'] });
    expect(await fails('update', '/one', 'changed')).toBe(
      'claviger: there is nothing to change: name --usage, --rules or --no-rules',
    );
    expect(await eventsNamed(daemon, 'UpdateExternalKey')).toHaveLength(3);
  });

  test('is listed, for people too', async () => {
    const { KeyId } = await makeExternalKey(daemon, '/one', 'listed');
    expect(await listed('listed')).toMatchObject({
      ...{ Prefix: '/one', KeyId, KeyState: 'Enabled', Status: 'ENABLED', Rules: null },
    });
    const page = await daemon.run('xks', 'key', 'list', '/one');
    expect(page).toMatch(
      /^PREFIX +EXTERNAL KEY +KMS KEY +KEY STATE +USAGE +STATUS +RULES +CREATED\n/,
    );
    expect(page).toMatch(
      new RegExp(`^/one +listed +${KeyId} +Enabled +ENCRYPT,DECRYPT +ENABLED +no +\\S+Z$`, 'm'),
    );
    expect(page).not.toContain('/other');
    expect(await fails('list', '/nowhere')).toBe(
      'claviger: there is no external key store /nowhere: `claviger xks store create` makes it',
    );
  });

  test('that is deleted leaves its KMS key, and its id to that one alone', async () => {
    const { KeyId } = await makeExternalKey(daemon, '/one', 'gone');
    const { id: another } = await kmsKey();
    expect(await xks(daemon, 'key', 'delete', '/one', 'gone')).toMatchObject({
      ...{ KeyId, Status: 'DELETED' },
    });
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId }));
    expect(KeyMetadata?.KeyState).toBe('Enabled');
    expect(await listed('gone')).toMatchObject({ Status: 'DELETED' });
    for (const command of ['enable', 'rotate']) {
      expect(await fails(command, '/one', 'gone')).toBe(
        'claviger: the external key store /one has no external key gone',
      );
    }
    const taken = `claviger: the external key gone of /one was deleted, and stands for the KMS key ${KeyId} alone: \`claviger xks key link\` puts that back`;
    expect(await fails('create', '/one', 'gone')).toBe(taken);
    expect(await fails('link', '/one', 'gone', another)).toBe(taken);
    expect(await xks(daemon, 'key', 'link', '/one', 'gone', KeyId)).toMatchObject({
      ...{ KeyId, Status: 'ENABLED' },
    });
  });

  test('whose KMS key is gone keeps its id from any other', async () => {
    const { KeyId } = await makeExternalKey(daemon, '/one', 'lost');
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId }));
    await administer(
      daemon.databaseUrl,
      `update kms_key set deletion_date = now() where key_id = $1`,
      [KeyId],
    );
    await until('the KMS key is gone', async () => (await listed('lost'))?.KeyId === null);
    expect(await listed('lost')).toMatchObject({ KeyState: null, Status: 'ENABLED' });
    expect(await fails('rotate', '/one', 'lost')).toBe(
      'claviger: the KMS key of the external key lost is gone',
    );
    expect(await fails('create', '/one', 'lost')).toBe(
      'claviger: the external key lost of /one is there already',
    );
    await daemon.run('xks', 'key', 'delete', '/one', 'lost');
    expect(await fails('create', '/one', 'lost')).toBe(
      'claviger: the external key lost of /one was deleted, and its KMS key is gone: no other key may be called so',
    );
  });
});

describe('key rotate', () => {
  test('puts new material behind the id, as RotateKeyOnDemand', async () => {
    const made = await makeExternalKey(daemon, '/one', 'rotated');
    const { KeyId, KeyArn } = made;
    const rotated = await xks(daemon, 'key', 'rotate', '/one', 'rotated');
    expect(rotated).toMatchObject({ ExternalKeyId: 'rotated', KeyId });
    expect(rotated['CurrentKeyMaterialId']).not.toBe(made.CurrentKeyMaterialId);
    const { Rotations: rotations } = await kms.send(new ListKeyRotationsCommand({ KeyId }));
    expect(rotations).toMatchObject([{ RotationType: 'ON_DEMAND' }]);
    expect((await eventsNamed(daemon, 'RotateKey')).at(-1)).toMatchObject({
      resources: [{ ARN: KeyArn }],
      serviceEventDetails: {
        ...{ keyId: KeyId, rotationType: 'ON_DEMAND' },
        previousKeyMaterialId: made.CurrentKeyMaterialId,
        currentKeyMaterialId: rotated['CurrentKeyMaterialId'],
      },
    });
  });

  test('refuses a KMS key that is not enabled', async () => {
    const { KeyId, KeyArn } = await makeExternalKey(daemon, '/one', 'unrotated');
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId }));
    expect(await fails('rotate', '/one', 'unrotated')).toBe(
      `claviger: ${KeyArn} is pending deletion.`,
    );
  });

  test('refuses a KMS key for which no material waits', async () => {
    const { id, arn } = await kmsKey({ Origin: 'EXTERNAL' });
    await daemon.run('xks', 'key', 'link', '/one', 'waiting', id);
    expect(await fails('rotate', '/one', 'waiting')).toBe(`claviger: ${arn} is pending import.`);
  });
});
