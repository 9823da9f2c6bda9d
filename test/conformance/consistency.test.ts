import { type KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { createKey } from '../support/kms';
import { newUser } from '../support/principals';
import { until } from '../support/until';
import { badRequest, call, refusal } from '../support/wire';

const workers = 2;
/** Each on a connection of its own, so that every worker gets some. */
const requestsAfterEachChange = 8;

describe('What was answered is true at every worker', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon({ workers });
    kms = daemon.client();
    await until('every worker answers requests', async () => {
      await call(daemon, 'ListKeys', {});
      const served = daemon.log.filter((line) => line['message'] === 'request');
      return new Set(served.map((line) => line['worker'])).size === workers;
    });
  });
  afterAll(() => daemon.remove());

  const everywhere = (operation: string, input: object) =>
    Promise.all(
      Array.from({ length: requestsAfterEachChange }, () => call(daemon, operation, input)),
    );
  const change = async (operation: string, input: object): Promise<void> => {
    expect(await call(daemon, operation, input)).toMatchObject({ status: 200, text: '' });
  };

  test('A disabled key encrypts nowhere, and an enabled one everywhere', async () => {
    const { id, arn } = await createKey(kms);
    const input = { KeyId: id, Plaintext: 'YQ==' };
    for (let round = 0; round < 5; round++) {
      await change('DisableKey', { KeyId: id });
      for (const reply of await everywhere('Encrypt', input)) {
        expect(refusal(reply)).toEqual(badRequest('DisabledException', `${arn} is disabled.`));
      }
      await change('EnableKey', { KeyId: id });
      for (const { status } of await everywhere('Encrypt', input)) expect(status).toBe(200);
    }
  });

  test('An alias that was moved or deleted is so everywhere', async () => {
    const [first, second] = [await createKey(kms), await createKey(kms)];
    const AliasName = 'alias/everywhere';
    const describeIt = { KeyId: AliasName };
    for (let round = 0; round < 5; round++) {
      await change('CreateAlias', { AliasName, TargetKeyId: first.id });
      for (const { text } of await everywhere('DescribeKey', describeIt)) {
        expect(text).toContain(first.arn);
      }
      await change('UpdateAlias', { AliasName, TargetKeyId: second.id });
      for (const { text } of await everywhere('DescribeKey', describeIt)) {
        expect(text).toContain(second.arn);
      }
      await change('DeleteAlias', { AliasName });
      for (const { status } of await everywhere('DescribeKey', describeIt))
        expect(status).toBe(400);
    }
  });

  test('A grant is of use everywhere, and one that was revoked nowhere', async () => {
    const { id } = await createKey(kms);
    const { arn, credentials } = await newUser(daemon, 'grantee');
    const encrypt = async () => {
      const sending = Array.from({ length: requestsAfterEachChange }, () =>
        call(daemon, 'Encrypt', { KeyId: id, Plaintext: 'YQ==' }, { credentials }),
      );
      return new Set((await Promise.all(sending)).map(({ status }) => status));
    };
    for (let round = 0; round < 5; round++) {
      // That there is no grant is known to the workers too.
      expect(await encrypt()).toEqual(new Set([400]));
      const terms = { KeyId: id, GranteePrincipal: arn, Operations: ['Encrypt'] };
      const { text } = await call(daemon, 'CreateGrant', terms);
      expect(await encrypt()).toEqual(new Set([200]));
      const { GrantId } = JSON.parse(text) as { GrantId: string };
      await change(round % 2 === 0 ? 'RevokeGrant' : 'RetireGrant', { KeyId: id, GrantId });
    }
    expect(await encrypt()).toEqual(new Set([400]));
  });

  test('A new key is listed and described everywhere', async () => {
    const { id } = await createKey(kms);
    for (const { text } of await everywhere('ListKeys', { Limit: 1000 }))
      expect(text).toContain(id);
    for (const { status } of await everywhere('DescribeKey', { KeyId: id }))
      expect(status).toBe(200);
    expect((await kms.send(new ListKeysCommand({}))).Keys?.map(({ KeyId }) => KeyId)).toContain(id);
  });
});
