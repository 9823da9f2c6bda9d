import {
  CreateAliasCommand,
  DecryptCommand,
  DeleteAliasCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
  ListAliasesCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { Client } from 'pg';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, putIntoState } from '../support/kms';
import { administer } from '../support/postgres';
import { until } from '../support/until';
import { badRequest, call, refused } from '../support/wire';

const prefixRefusal = badRequest(
  'ValidationException',
  'Alias must start with the prefix "alias/". Please see https://docs.aws.amazon.com/kms/latest/developerguide/kms-alias.html',
);

describe('CreateAlias, UpdateAlias, DeleteAlias and ListAliases', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  let other: NewKey;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    key = await createKey(kms);
    other = await createKey(kms);
  });
  afterAll(() => daemon.remove());

  const aliasArn = (name: string) => `arn:aws:kms:us-east-1:${daemon.accountId}:${name}`;
  const create = (AliasName: string, TargetKeyId = key.id) =>
    kms.send(new CreateAliasCommand({ AliasName, TargetKeyId }));
  const update = (AliasName: string, TargetKeyId: string) =>
    kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId }));
  const remove = (AliasName: string) => kms.send(new DeleteAliasCommand({ AliasName }));
  const targetOf = async (KeyId: string) =>
    (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyId;
  const aliasesOf = async (KeyId?: string) =>
    (await kms.send(new ListAliasesCommand({ KeyId, Limit: 100 }))).Aliases ?? [];

  test('An alias is made, listed with its dates, moved, and deleted; nothing is answered', async () => {
    expect(Object.keys(await create('alias/life', key.arn))).toEqual(['$metadata']);
    const [made] = (await aliasesOf(key.id)).filter((alias) => alias.AliasName === 'alias/life');
    expect(made).toEqual({
      AliasName: 'alias/life',
      AliasArn: aliasArn('alias/life'),
      TargetKeyId: key.id,
      CreationDate: expect.any(Date) as Date,
      LastUpdatedDate: made?.CreationDate,
    });
    expect(await targetOf('alias/life')).toBe(key.id);
    expect(Object.keys(await update('alias/life', other.arn))).toEqual(['$metadata']);
    expect(await targetOf('alias/life')).toBe(other.id);
    const [moved] = await aliasesOf(other.arn);
    expect(moved).toMatchObject({ TargetKeyId: other.id, CreationDate: made?.CreationDate });
    expect(moved!.LastUpdatedDate!.getTime()).toBeGreaterThan(made!.CreationDate!.getTime());
    expect(Object.keys(await remove('alias/life'))).toEqual(['$metadata']);
    expect(await refused(daemon, 'DescribeKey', { KeyId: 'alias/life' })).toEqual(
      badRequest('NotFoundException', `Alias ${aliasArn('alias/life')} is not found.`),
    );
    expect(await aliasesOf(other.id)).toEqual([]);
  });

  test('What was encrypted through an alias opens after the alias was moved', async () => {
    await create('alias/crossing');
    const sealed = await kms.send(
      new EncryptCommand({ KeyId: 'alias/crossing', Plaintext: Buffer.from('a') }),
    );
    await update('alias/crossing', other.id);
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob: sealed.CiphertextBlob }));
    expect(opened.KeyId).toBe(key.arn);
    await update('alias/crossing', other.id);
    expect(await targetOf('alias/crossing')).toBe(other.id);
  });

  test('Names differ by case, and may use every allowed character', async () => {
    const longest = `alias/${'n'.repeat(250)}`;
    for (const name of ['alias/Case', 'alias/case', 'alias/a:b/c_d-9', longest]) {
      await create(name);
      expect(await targetOf(aliasArn(name))).toBe(key.id);
    }
  });

  test('A name that is taken is refused, whatever key it is for', async () => {
    await create('alias/taken');
    for (const TargetKeyId of [key.id, other.id]) {
      expect(
        await refused(daemon, 'CreateAlias', { AliasName: 'alias/taken', TargetKeyId }),
      ).toEqual(
        badRequest(
          'AlreadyExistsException',
          `An alias with the name ${aliasArn('alias/taken')} already exists`,
        ),
      );
    }
    expect(await targetOf('alias/taken')).toBe(key.id);
  });

  test('Of two requests for one name at once, one gets it', async () => {
    const AliasName = 'alias/raced';
    const replies = await Promise.all(
      [key.id, other.id].map((TargetKeyId) =>
        call(daemon, 'CreateAlias', { AliasName, TargetKeyId }),
      ),
    );
    expect(replies.map(({ status }) => status).sort()).toEqual([200, 400]);
  });

  const operations = ['CreateAlias', 'UpdateAlias', 'DeleteAlias'] as const;
  test.each(operations)('%s refuses names that are no alias names', async (operation) => {
    const at = "at 'aliasName' failed to satisfy constraint: Member must";
    const long = `alias/${'n'.repeat(251)}`;
    const cases = [
      ['invoices', prefixRefusal],
      ['Alias/invoices', prefixRefusal],
      ['alias/', badRequest('ValidationException', 'Alias name must not be empty.')],
      ['alias/aws/s3', badRequest('NotAuthorizedException')],
      ['alias/aws', badRequest('NotAuthorizedException')],
      [
        'alias/a b',
        badRequest(
          'ValidationException',
          `1 validation error detected: Value 'alias/a b' ${at} satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$`,
        ),
      ],
      [
        long,
        badRequest(
          'ValidationException',
          `1 validation error detected: Value '${long}' ${at} have length less than or equal to 256`,
        ),
      ],
    ] as const;
    for (const [AliasName, refusal] of cases) {
      const input = { AliasName, TargetKeyId: key.id };
      expect(await refused(daemon, operation, input)).toEqual(refusal);
    }
  });

  test('An alias points to a key, not to an alias, and the key must be there', async () => {
    const id = '00000000-1111-2222-3333-444444444444';
    await create('alias/there');
    for (const [operation, AliasName] of [
      ['CreateAlias', 'alias/new'],
      ['UpdateAlias', 'alias/there'],
    ] as const) {
      for (const TargetKeyId of ['alias/there', aliasArn('alias/there')]) {
        expect(await refused(daemon, operation, { AliasName, TargetKeyId })).toEqual(
          badRequest('ValidationException', 'Aliases must refer to keys. Not aliases'),
        );
      }
      expect(await refused(daemon, operation, { AliasName, TargetKeyId: id })).toEqual(
        badRequest('NotFoundException', `Key '${key.arn.replace(key.id, id)}' does not exist`),
      );
    }
  });

  test('UpdateAlias and DeleteAlias of an alias that is missing find nothing', async () => {
    for (const operation of ['UpdateAlias', 'DeleteAlias']) {
      const input = { AliasName: 'alias/nobody', TargetKeyId: key.id };
      expect(await refused(daemon, operation, input)).toEqual(
        badRequest('NotFoundException', `Alias ${aliasArn('alias/nobody')} is not found.`),
      );
    }
  });

  test('An alias moves away from a key that is pending deletion, but not onto one, and can be deleted there', async () => {
    const dying = await createKey(kms);
    await administer(
      daemon.databaseUrl,
      "insert into alias (account_id, alias_name, key_id) select $1, unnest(array['alias/leave', 'alias/drop']), $2",
      [daemon.accountId, dying.id],
    );
    await putIntoState(daemon, dying.id, 'PendingDeletion');
    const refusal = badRequest('KMSInvalidStateException', `${dying.arn} is pending deletion.`);
    const onto = { AliasName: 'alias/onto', TargetKeyId: dying.id };
    expect(await refused(daemon, 'CreateAlias', onto)).toEqual(refusal);
    await create('alias/onto');
    expect(await refused(daemon, 'UpdateAlias', onto)).toEqual(refusal);
    await update('alias/leave', key.id);
    expect(await targetOf('alias/leave')).toBe(key.id);
    await remove('alias/drop');
    expect(await aliasesOf(dying.id)).toEqual([]);
  });

  test('An alias does not move to a key of another usage', async () => {
    const mac = await createKey(kms);
    await administer(
      daemon.databaseUrl,
      "update kms_key set key_usage = 'GENERATE_VERIFY_MAC', key_spec = 'HMAC_256' where key_id = $1",
      [mac.id],
    );
    await create('alias/usage');
    const input = { AliasName: 'alias/usage', TargetKeyId: mac.id };
    expect(await refused(daemon, 'UpdateAlias', input)).toEqual(
      badRequest(
        'ValidationException',
        'Alias alias/usage cannot be changed from a CMK with key usage ENCRYPT_DECRYPT to a CMK with key usage GENERATE_VERIFY_MAC. The key usage of the current CMK and the new CMK must be the same.',
      ),
    );
  });

  test.each(['UpdateAlias', 'DeleteAlias'])(
    'An alias that is moved after %s was authorized for its key stays where it is',
    async (operation) => {
      const AliasName = `alias/moved-before-${operation}`;
      await create(AliasName);
      const operator = new Client({ connectionString: daemon.databaseUrl });
      await operator.connect();
      try {
        await operator.query('begin');
        await operator.query('select key_id from kms_key where key_id = $1 for update', [key.id]);
        const input = { AliasName, TargetKeyId: key.id };
        const answer = refused(daemon, operation, input);
        await until('the request waits for the key', () => someoneWaits());
        await operator.query('update alias set key_id = $1 where alias_name = $2', [
          other.id,
          AliasName,
        ]);
        await operator.query('commit');
        expect(await answer).toEqual({
          status: 500,
          __type: 'KMSInternalException',
          message: 'The alias changed meanwhile. Retry the request.',
        });
      } finally {
        await operator.end();
      }
      expect(await aliasesOf(other.id)).toContainEqual(expect.objectContaining({ AliasName }));
    },
  );

  const someoneWaits = async (): Promise<boolean> => {
    const rows = await administer(
      daemon.databaseUrl,
      "select pid from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'",
    );
    return rows.length > 0;
  };

  test('A key has 50 aliases and no more, also when they come at once or are moved', async () => {
    const full = await createKey(kms);
    const names = Array.from({ length: 52 }, (_, i) => `alias/full-${i}`);
    const made = await Promise.all(
      names.map((AliasName) => call(daemon, 'CreateAlias', { AliasName, TargetKeyId: full.id })),
    );
    expect(made.filter(({ status }) => status === 200)).toHaveLength(50);
    expect(await aliasesOf(full.id)).toHaveLength(50);
    const refusal = badRequest(
      'LimitExceededException',
      'Aliases per key quota for this account in this region is 50, current usage is 50.',
    );
    await create('alias/fifty-first', other.id);
    const onto = { AliasName: 'alias/fifty-first', TargetKeyId: full.id };
    expect(await refused(daemon, 'UpdateAlias', onto)).toEqual(refusal);
    expect(await refused(daemon, 'CreateAlias', { ...onto, AliasName: 'alias/52' })).toEqual(
      refusal,
    );
    const [{ AliasName } = {}] = await aliasesOf(full.id);
    await remove(AliasName!);
    await update('alias/fifty-first', full.id);
    expect(await targetOf('alias/fifty-first')).toBe(full.id);
  });
});
