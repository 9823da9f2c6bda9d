import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
  ListAliasesCommand,
  ListKeysCommand,
  ListRetirableGrantsCommand,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { type Token, openToken } from '../../hsm';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { disagreements } from '../support/doctor';
import { bringForward, deletedKeys } from '../support/deletion';
import { type NewKey, createKey, sdkRefusal } from '../support/kms';
import { metricsOf } from '../support/metrics';
import { administer } from '../support/postgres';
import { newUser } from '../support/principals';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';
import { badRequest, call, refusal } from '../support/wire';

describe('A key whose deletion date has come', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let token: Token;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2, environment: { CLAVIGER_JOB_INTERVAL_MS: '100' } });
    kms = daemon.client();
    token = await openToken(tokenOptions(daemon.token));
  });
  afterAll(async () => {
    await token.close();
    await daemon.remove();
  });

  const notFound = ({ arn }: NewKey) =>
    badRequest('NotFoundException', `Key '${arn}' does not exist`);
  const rowsOf = async ({ id }: NewKey): Promise<number> => {
    const [row] = await administer<{ n: number }>(
      daemon.databaseUrl,
      `select (select count(*) from kms_key where key_id = $1)::int
            + (select count(*) from key_material where key_id = $1)::int
            + (select count(*) from key_tag where key_id = $1)::int
            + (select count(*) from alias where key_id = $1)::int
            + (select count(*) from kms_grant where key_id = $1)::int as n`,
      [id],
    );
    return row?.n ?? -1;
  };
  const destroy = async (key: NewKey): Promise<void> => {
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: key.id, PendingWindowInDays: 7 }));
    await bringForward(daemon.databaseUrl, key.id);
    await until('the key is deleted', async () => (await rowsOf(key)) === 0);
  };

  test('is gone from every worker, with its material, aliases, grants and tags', async () => {
    const user = await newUser(daemon, 'retiring');
    const key = await createKey(kms, { Tags: [{ TagKey: 'a', TagValue: 'b' }] });
    const AliasName = `alias/gone-${key.id}`;
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }));
    await kms.send(
      new CreateGrantCommand({
        ...{ KeyId: key.id, GranteePrincipal: user.arn, RetiringPrincipal: user.arn },
        Operations: ['Encrypt', 'RetireGrant'],
      }),
    );
    const before = await token.listKeys('claviger:key:');
    for (let i = 0; i < 4; i++) {
      const sealing = { KeyId: AliasName, Plaintext: Buffer.from('a') };
      await daemon.client().send(new EncryptCommand(sealing));
      await user.kms.send(new EncryptCommand({ ...sealing, KeyId: key.arn }));
    }
    await destroy(key);

    for (let i = 0; i < 4; i++) {
      for (const [operation, input] of [
        ['DescribeKey', {}],
        ['Encrypt', { Plaintext: 'YQ==' }],
        ['CancelKeyDeletion', {}],
        ['ScheduleKeyDeletion', {}],
        ['EnableKey', {}],
        ['ListGrants', {}],
        ['GetKeyPolicy', {}],
      ] as const) {
        const reply = await call(daemon, operation, { KeyId: key.arn, ...input });
        expect(refusal(reply)).toEqual(notFound(key));
      }
      expect(refusal(await call(daemon, 'DescribeKey', { KeyId: AliasName }))).toEqual(
        badRequest(
          'NotFoundException',
          `Alias ${key.arn.replace(`key/${key.id}`, AliasName)} is not found.`,
        ),
      );
    }
    const { Keys } = await kms.send(new ListKeysCommand({ Limit: 1000 }));
    expect(Keys?.map(({ KeyId }) => KeyId)).not.toContain(key.id);
    const { Aliases } = await kms.send(new ListAliasesCommand({}));
    expect(Aliases?.map((alias) => alias.AliasName)).not.toContain(AliasName);
    const retirable = new ListRetirableGrantsCommand({ RetiringPrincipal: user.arn });
    expect((await kms.send(retirable)).Grants).toEqual([]);
    expect(await token.listKeys('claviger:key:')).toHaveLength(before.length - 1);
    expect(await disagreements(daemon)).toEqual([]);
  });

  test('leaves ciphertexts that are as those of a key which never was', async () => {
    const key = await createKey(kms);
    const { CiphertextBlob } = await kms.send(
      new EncryptCommand({ KeyId: key.id, Plaintext: Buffer.from('a') }),
    );
    const never = Buffer.from(CiphertextBlob ?? []);
    // The key id in the header; see src/keys/ciphertext.ts.
    const digits = Buffer.from(key.id.replaceAll('-', ''), 'hex');
    const at = never.indexOf(digits);
    expect(at).toBeGreaterThanOrEqual(0);
    Buffer.from('00000000000040008000000000000000', 'hex').copy(never, at);
    await destroy(key);
    const gone = await sdkRefusal(kms.send(new DecryptCommand({ CiphertextBlob })));
    const unknown = await sdkRefusal(kms.send(new DecryptCommand({ CiphertextBlob: never })));
    expect(gone).toEqual(unknown);
    expect(gone).toMatchObject({ code: 'AccessDeniedException', status: 400 });
  });

  test('gives its alias free at once, for another key, on every worker', async () => {
    const first = await createKey(kms);
    const AliasName = `alias/again-${first.id}`;
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: first.id }));
    const describeIt = () => daemon.client().send(new DescribeKeyCommand({ KeyId: AliasName }));
    for (let i = 0; i < 4; i++) await describeIt();
    await destroy(first);
    const second = await createKey(kms);
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: second.id }));
    for (let i = 0; i < 4; i++) {
      expect((await describeIt()).KeyMetadata?.KeyId).toBe(second.id);
    }
  });

  test('is recorded once, as an event of the service', async () => {
    const key = await createKey(kms);
    await destroy(key);
    const { accountId, region } = daemon;
    expect(await deletedKeys(daemon, key.arn)).toEqual([
      {
        eventVersion: '1.11',
        userIdentity: { accountId, invokedBy: 'AWS Internal' },
        eventTime: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/) as string,
        eventSource: 'kms.amazonaws.com',
        eventName: 'DeleteKey',
        awsRegion: region,
        sourceIPAddress: 'AWS Internal',
        userAgent: 'AWS Internal',
        requestParameters: null,
        responseElements: null,
        eventID: expect.stringMatching(/^[0-9a-f-]{36}$/) as string,
        readOnly: false,
        resources: [{ accountId, type: 'AWS::KMS::Key', ARN: key.arn }],
        eventType: 'AwsServiceEvent',
        managementEvent: true,
        recipientAccountId: accountId,
        eventCategory: 'Management',
      },
    ]);
  });

  test('is counted in /metrics, and no other key is touched', async () => {
    const jobs = async (): Promise<Record<string, number>> => {
      const samples = [...(await metricsOf(daemon))];
      return Object.fromEntries(
        samples.filter(([name]) => /^claviger_jobs.*delete-key/.test(name)),
      );
    };
    const bystanders = [await createKey(kms), await createKey(kms)];
    await kms.send(new ScheduleKeyDeletionCommand({ KeyId: bystanders[1]?.id }));
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    await destroy({ id: KeyMetadata?.KeyId ?? '', arn: KeyMetadata?.Arn ?? '' });
    const done = (await deletedKeys(daemon)).length;
    await until('every worker has looked since', async () => {
      return (await jobs())['claviger_jobs_overdue{job="delete-key"}'] === 0;
    });
    expect(await jobs()).toEqual({
      'claviger_jobs_total{job="delete-key",outcome="done"}': done,
      'claviger_jobs_total{job="delete-key",outcome="failed"}': 0,
      'claviger_jobs_overdue{job="delete-key"}': 0,
    });
    for (const { id } of bystanders) {
      const { KeyState } =
        (await kms.send(new DescribeKeyCommand({ KeyId: id }))).KeyMetadata ?? {};
      expect(['Enabled', 'PendingDeletion']).toContain(KeyState);
    }
  });
});
