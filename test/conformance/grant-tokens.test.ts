import {
  DescribeKeyCommand,
  EncryptCommand,
  type KMSClient,
  RetireGrantCommand,
  RevokeGrantCommand,
} from '@aws-sdk/client-kms';
import type { TestDaemon } from '../support/daemon';
import { type GrantStage, openGrantStage } from '../support/grants';
import { auditOf, auditTexts, createKey, sdkRefusal } from '../support/kms';
import { type TestUser } from '../support/principals';
import { badRequest, refused } from '../support/wire';

describe('Grant tokens', () => {
  let stage: GrantStage;
  let daemon: TestDaemon;
  let kms: KMSClient;
  let alice: TestUser;
  let bob: TestUser;
  beforeAll(async () => {
    stage = await openGrantStage();
    ({ daemon, kms, alice, bob } = stage);
  });
  beforeEach(async () => {
    stage.key = await createKey(kms);
  });
  afterAll(() => stage.remove());

  test('are taken by operations that take them, of whatever grant, and give nothing', async () => {
    const { GrantToken } = await stage.create({ GranteePrincipal: bob.arn });
    const input = { KeyId: stage.key.arn, Plaintext: Buffer.from('a'), GrantTokens: [GrantToken] };
    expect((await bob.kms.send(new EncryptCommand(input))).KeyId).toBe(stage.key.arn);
    expect((await kms.send(new EncryptCommand(input))).KeyId).toBe(stage.key.arn);
    expect(await sdkRefusal(alice.kms.send(new EncryptCommand(input)))).toMatchObject({
      code: 'AccessDeniedException',
    });
  });

  test('that are none are refused, before anything is said of the key', async () => {
    const GrantTokens = ['not-a-token'];
    const refusal = badRequest('InvalidGrantTokenException', 'The grant token is not valid.');
    const inputs: Readonly<Record<string, object>> = {
      Encrypt: { KeyId: 'nothing', Plaintext: 'YQ==' },
      DescribeKey: { KeyId: stage.key.id },
      GenerateDataKey: { KeyId: stage.key.id, KeySpec: 'AES_256' },
      CreateGrant: { KeyId: stage.key.id, GranteePrincipal: alice.arn, Operations: ['Encrypt'] },
    };
    for (const [operation, input] of Object.entries(inputs)) {
      expect(await refused(daemon, operation, { ...input, GrantTokens })).toEqual(refusal);
    }
    expect(await refused(daemon, 'RetireGrant', { GrantToken: 'not-a-token' })).toEqual(refusal);
  });

  test('of a grant that is gone are tokens still', async () => {
    const { GrantId, GrantToken } = await stage.create();
    await kms.send(new RevokeGrantCommand({ KeyId: stage.key.id, GrantId }));
    const input = { KeyId: stage.key.id, GrantTokens: [GrantToken] };
    expect((await kms.send(new DescribeKeyCommand(input))).KeyMetadata?.Arn).toBe(stage.key.arn);
  });

  describe('The audit', () => {
    test('has of a CreateGrant its terms, its id and its key, and never its token', async () => {
      const { GrantId, GrantToken, requestId } = await stage.create({
        Name: 'audited',
        Constraints: { EncryptionContextEquals: { App: 'Pay' } },
        RetiringPrincipal: bob.arn,
        GrantTokens: [(await stage.create()).GrantToken],
      });
      const record = await auditOf(daemon, requestId);
      expect(record).toMatchObject({ eventName: 'CreateGrant', readOnly: false });
      expect(record.requestParameters).toEqual({
        ...{ keyId: stage.key.arn, granteePrincipal: alice.arn, retiringPrincipal: bob.arn },
        ...{ operations: ['Encrypt'], name: 'audited' },
        constraints: { encryptionContextEquals: { App: 'Pay' } },
      });
      expect(record.responseElements).toEqual({ grantId: GrantId, keyId: stage.key.arn });
      expect((await auditTexts(daemon)).filter((text) => text.includes(GrantToken))).toEqual([]);
    });

    test('has of a RetireGrant nothing of the request, and which grant it was', async () => {
      const { GrantId, GrantToken } = await stage.create({ RetiringPrincipal: bob.arn });
      const { $metadata } = await bob.kms.send(new RetireGrantCommand({ GrantToken }));
      const record = await auditOf(daemon, $metadata.requestId!);
      expect(record).toMatchObject({
        requestParameters: null,
        responseElements: { keyId: stage.key.arn },
        additionalEventData: { grantId: GrantId },
        resources: [{ ARN: stage.key.arn }],
      });
    });

    test('has of a RevokeGrant which grant it was', async () => {
      const { GrantId } = await stage.create();
      const { $metadata } = await kms.send(
        new RevokeGrantCommand({ KeyId: stage.key.id, GrantId }),
      );
      const record = await auditOf(daemon, $metadata.requestId!);
      expect(record.requestParameters).toEqual({ keyId: stage.key.id, grantId: GrantId });
      expect(record.responseElements).toEqual({ keyId: stage.key.arn });
      expect(record).not.toHaveProperty('additionalEventData');
    });
  });
});
