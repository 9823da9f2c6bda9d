import {
  DescribeKeyCommand,
  DisableKeyCommand,
  EncryptCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { createKey, sdkRefusal } from '../support/kms';
import { administer } from '../support/postgres';

describe('kms:TrailingDaysWithoutKeyUsage', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let root: string;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    root = `arn:aws:iam::${daemon.accountId}:root`;
  });
  afterAll(() => daemon.remove());

  /** A key that nobody may disable within thirty days of its last use. */
  const protectedKey = () =>
    createKey(kms, {
      Policy: JSON.stringify({
        Version: '2012-10-17',
        Statement: [
          { Effect: 'Allow', Principal: { AWS: root }, Action: 'kms:*', Resource: '*' },
          {
            Effect: 'Deny',
            Principal: '*',
            Action: ['kms:DisableKey', 'kms:ScheduleKeyDeletion'],
            Resource: '*',
            Condition: { NumericLessThan: { 'kms:TrailingDaysWithoutKeyUsage': '30' } },
          },
        ],
      }),
    });
  const disable = (KeyId: string) => kms.send(new DisableKeyCommand({ KeyId }));
  const stateOf = async (KeyId: string) =>
    (await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata?.KeyState;
  const denied = (arn: string) => ({
    code: 'AccessDeniedException',
    message: `User: ${root} is not authorized to perform: kms:DisableKey on resource: ${arn} with an explicit deny in a resource-based policy`,
    status: 400,
  });
  const trackedFor = (keyId: string, interval: string) =>
    administer(
      daemon.databaseUrl,
      'update kms_key set usage_tracked_from = now() - $2::interval where key_id = $1::text',
      [keyId, interval],
    );
  const usedBefore = (keyId: string, interval: string) =>
    administer(
      daemon.databaseUrl,
      `insert into key_usage (key_id, operation, used_at, request_id, event_id)
       values ($1::text, 'Encrypt', now() - $2::interval, 'r', 'e')`,
      [keyId, interval],
    );

  test('A key that was just made, or just used, is not disabled', async () => {
    const { id, arn } = await protectedKey();
    expect(await sdkRefusal(disable(id))).toEqual(denied(arn));
    await trackedFor(id, '400 days');
    await kms.send(new EncryptCommand({ KeyId: id, Plaintext: Buffer.from('a') }));
    expect(await sdkRefusal(disable(id))).toEqual(denied(arn));
    expect(await stateOf(id)).toBe('Enabled');
  });

  test('Days are whole ones since the last use', async () => {
    const { id, arn } = await protectedKey();
    await trackedFor(id, '400 days');
    await usedBefore(id, '29 days 23 hours 59 minutes');
    expect(await sdkRefusal(disable(id))).toEqual(denied(arn));
    await administer(daemon.databaseUrl, 'delete from key_usage where key_id = $1', [id]);
    await usedBefore(id, '30 days 1 minute');
    await disable(id);
    expect(await stateOf(id)).toBe('Disabled');
  });

  test('Of a key that was never used they are since its uses are known', async () => {
    const { id, arn } = await protectedKey();
    const sql = `update kms_key set created_at = now() - interval '5 years' where key_id = $1`;
    await administer(daemon.databaseUrl, sql, [id]);
    await trackedFor(id, '29 days');
    expect(await sdkRefusal(disable(id))).toEqual(denied(arn));
    await trackedFor(id, '31 days');
    await disable(id);
    expect(await stateOf(id)).toBe('Disabled');
  });
});
