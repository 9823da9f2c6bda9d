import { randomBytes } from 'node:crypto';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  type KMSClient,
  ListKeysCommand,
} from '@aws-sdk/client-kms';
import { bothStores, storages } from '../support/both-stores';
import type { TestDaemon } from '../support/daemon';
import { kemSpecs, nominalKemKey } from '../support/kem-keys';
import { type NewKey, auditOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { newUser } from '../support/principals';
import { badRequest, call, refused } from '../support/wire';

jest.setTimeout(60_000);

const daemonWith = bothStores();

const ML_KEM = { EncapsulationAlgorithm: 'ML_KEM' } as const;
const KeyUsage = 'ENCAPSULATE_DECAPSULATE';

test.each(storages)(
  'A token without ML-KEM is said to lack it, whose material is %s',
  async (storage) => {
    const kms = daemonWith(storage).client();
    for (const KeySpec of kemSpecs) {
      const create = (more: object) =>
        sdkRefusal(kms.send(new CreateKeyCommand({ KeySpec, KeyUsage, ...more })));
      expect(await create({})).toEqual({
        code: 'UnsupportedOperationException',
        message: `the token lacks CKM_ML_KEM with CKP_${KeySpec} and C_DecapsulateKey (PKCS#11 3.2) (C_GenerateKeyPair: CKR_MECHANISM_INVALID)`,
        status: 400,
      });
      expect(await create({ Origin: 'EXTERNAL' })).toEqual({
        code: 'UnsupportedOperationException',
        message: `KeySpec ${KeySpec} is not supported with Origin EXTERNAL.`,
        status: 400,
      });
    }
    expect((await kms.send(new ListKeysCommand({}))).Keys).toEqual([]);
  },
);

/*
 * What comes before the token, on a key that is called one of ML-KEM and is none. What a token with ML-KEM does with them is
 * in post-quantum-token.test.ts.
 */
describe('Encapsulate and Decapsulate', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  beforeAll(async () => {
    daemon = daemonWith('resident');
    kms = daemon.client();
    key = await nominalKemKey(daemon);
  });

  const requests = (KeyId: string) => ({
    Encapsulate: { KeyId, ...ML_KEM },
    Decapsulate: {
      ...{ KeyId, ...ML_KEM },
      SharedSecretCiphertextBlob: randomBytes(1088).toString('base64'),
    },
  });
  const both = ['Encapsulate', 'Decapsulate'] as const;
  const wouldSucceed = badRequest(
    'DryRunOperationException',
    'The request would have succeeded, but the DryRun option is set.',
  );

  test('take the key by id, ARN and alias', async () => {
    const AliasName = 'alias/kem';
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }));
    for (const KeyId of [key.id, key.arn, AliasName, key.arn.replace(/key\/.*/, AliasName)]) {
      for (const operation of both) {
        const input = { ...requests(KeyId)[operation], DryRun: true };
        expect(await refused(daemon, operation, input)).toEqual(wouldSucceed);
      }
    }
  });

  test('A ciphertext of another length is refused without a word', async () => {
    for (const length of [1, 768, 1087, 1089, 1568, 6144]) {
      const SharedSecretCiphertextBlob = Buffer.alloc(length).toString('base64');
      const input = { ...requests(key.id).Decapsulate, SharedSecretCiphertextBlob };
      for (const DryRun of [true, false]) {
        const { status, text } = await call(daemon, 'Decapsulate', { ...input, DryRun });
        expect([status, text]).toEqual([400, '{"__type":"InvalidCiphertextException"}']);
      }
    }
  });

  test('Sizes and algorithms are checked before the key is looked for', async () => {
    const missing = '00000000-1111-4222-8333-444444444444';
    const invalid = (text: string) =>
      badRequest('ValidationException', `1 validation error detected: ${text}`);
    for (const operation of both) {
      const input = requests(missing)[operation];
      expect(
        await refused(daemon, operation, { ...input, EncapsulationAlgorithm: 'RSA_KEM' }),
      ).toEqual(
        invalid(
          "Value 'RSA_KEM' at 'encapsulationAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [ML_KEM]",
        ),
      );
      expect(
        await refused(daemon, operation, { ...input, EncapsulationAlgorithm: undefined }),
      ).toEqual(
        invalid(
          "Value null at 'encapsulationAlgorithm' failed to satisfy constraint: Member must not be null",
        ),
      );
    }
    for (const [length, limit] of [
      [0, 'greater than or equal to 1'],
      [6145, 'less than or equal to 6144'],
    ] as const) {
      const SharedSecretCiphertextBlob = Buffer.alloc(length).toString('base64');
      const input = { ...requests(missing).Decapsulate, SharedSecretCiphertextBlob };
      const refusal = await refused(daemon, 'Decapsulate', input);
      expect(refusal).toMatchObject({ __type: 'ValidationException' });
      expect(refusal['message']).toContain(`Member must have length ${limit}`);
    }
  });

  test('Keys of other usages are refused', async () => {
    const symmetric = await createKey(kms);
    for (const operation of both) {
      expect(await refused(daemon, operation, requests(symmetric.id)[operation])).toEqual(
        badRequest(
          'InvalidKeyUsageException',
          `${symmetric.arn} key usage is ENCRYPT_DECRYPT which is not valid for ${operation}.`,
        ),
      );
    }
  });

  test('A grant of one of the two allows that one alone', async () => {
    const alice = await newUser(daemon, 'alice');
    for (const operation of both) {
      const other = operation === 'Encapsulate' ? 'Decapsulate' : 'Encapsulate';
      const own = await nominalKemKey(daemon);
      const terms = { KeyId: own.id, GranteePrincipal: alice.arn, Operations: [operation] };
      await kms.send(new CreateGrantCommand(terms));
      const ask = (name: (typeof both)[number]) =>
        refused(
          daemon,
          name,
          { ...requests(own.id)[name], DryRun: true },
          { credentials: alice.credentials },
        );
      expect(await ask(operation)).toEqual(wouldSucceed);
      expect(await ask(other)).toMatchObject({
        Message: `User: ${alice.arn} is not authorized to perform: kms:${other} on resource: ${own.arn} because no identity-based policy allows the kms:${other} action`,
      });
    }
  });

  test('Another account uses the key where its policy says so', async () => {
    const credentials = await otherAccount(daemon, '444455556666');
    const denied = await refused(daemon, 'Encapsulate', requests(key.arn).Encapsulate, {
      credentials,
    });
    expect(denied).toMatchObject({ __type: 'AccessDeniedException' });
    const Statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    const open = await nominalKemKey(daemon, { Policy });
    for (const operation of both) {
      const input = { ...requests(open.arn)[operation], DryRun: true };
      expect(await refused(daemon, operation, input, { credentials })).toEqual(wouldSucceed);
    }
  });

  test('The audit has the algorithm, and neither secret nor ciphertext', async () => {
    for (const operation of both) {
      const input = { ...requests(key.id)[operation], DryRun: true };
      const { headers } = await call(daemon, operation, input);
      const record = await auditOf(daemon, String(headers['x-amzn-requestid']));
      expect(record).toMatchObject({
        ...{ eventName: operation, readOnly: true, responseElements: null },
        resources: [{ ARN: key.arn }],
      });
      expect(record.requestParameters).toEqual({
        ...{ keyId: key.id, encapsulationAlgorithm: 'ML_KEM', dryRun: true },
      });
    }
  });
});
