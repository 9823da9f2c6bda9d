import { randomBytes } from 'node:crypto';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  CreateKeyCommand,
  DecapsulateCommand,
  DescribeKeyCommand,
  EncapsulateCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { bothStores, storages } from '../support/both-stores';
import type { TestDaemon } from '../support/daemon';
import { kemSpecs, nominalKemKey } from '../support/kem-keys';
import {
  type NewKey,
  auditOf,
  clientOf,
  createKey,
  otherAccount,
  sdkRefusal,
} from '../support/kms';
import { newUser } from '../support/principals';
import { badRequest, call, refused } from '../support/wire';

jest.setTimeout(60_000);

const daemonWith = bothStores();

const ML_KEM = { EncapsulationAlgorithm: 'ML_KEM' } as const;
const KeyUsage = 'ENCAPSULATE_DECAPSULATE';

async function encapsulate(
  kms: KMSClient,
  KeyId: string,
): Promise<{ readonly secret: Buffer; readonly ciphertext: Buffer }> {
  const { SharedSecret, SharedSecretCiphertextBlob } = await kms.send(
    new EncapsulateCommand({ KeyId, ...ML_KEM }),
  );
  return {
    secret: Buffer.from(SharedSecret ?? []),
    ciphertext: Buffer.from(SharedSecretCiphertextBlob ?? []),
  };
}

async function decapsulate(
  kms: KMSClient,
  KeyId: string,
  SharedSecretCiphertextBlob: Buffer,
): Promise<Buffer> {
  const input = { KeyId, SharedSecretCiphertextBlob, ...ML_KEM };
  return Buffer.from((await kms.send(new DecapsulateCommand(input))).SharedSecret ?? []);
}

describe.each(storages)('ML-KEM keys whose material is %s', (storage) => {
  let kms: KMSClient;
  beforeAll(() => {
    kms = daemonWith(storage).client();
  });

  /** The key, or the refusal of a token without ML-KEM: no key is left behind by it. */
  async function make(KeySpec: (typeof kemSpecs)[number]['spec']): Promise<NewKey | undefined> {
    const making = kms.send(new CreateKeyCommand({ KeySpec, KeyUsage }));
    try {
      const { KeyMetadata: { KeyId: id = '', Arn: arn = '' } = {} } = await making;
      return { id, arn };
    } catch {
      const { code, message } = await sdkRefusal(making);
      expect(code).toBe('UnsupportedOperationException');
      expect(message).toMatch(/^the token lacks CKM_ML_KEM/);
      return undefined;
    }
  }

  test.each(kemSpecs)(
    '$spec: both sides have the same secret, or the token is said to lack CKM_ML_KEM',
    async ({ spec, ciphertextBytes }) => {
      const [key, other] = [await make(spec), await make(spec)];
      if (key === undefined || other === undefined) return;
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: key.id }));
      expect(KeyMetadata).toMatchObject({ KeySpec: spec, KeyUsage });
      expect(KeyMetadata?.EncapsulationAlgorithms).toEqual(['ML_KEM']);
      const { secret, ciphertext } = await encapsulate(kms, key.id);
      expect([secret.length, ciphertext.length]).toEqual([32, ciphertextBytes]);
      expect(await decapsulate(kms, key.id, ciphertext)).toEqual(secret);
      expect((await encapsulate(kms, key.id)).secret).not.toEqual(secret);
      // Implicit rejection (FIPS 203 §6.3): another secret, and the same one each time.
      const altered = Buffer.from(ciphertext);
      altered[0] = (altered[0] ?? 0) ^ 1;
      for (const [id, blob] of [
        [key.id, altered],
        [other.id, ciphertext],
      ] as const) {
        const rejected = await decapsulate(kms, id, blob);
        expect(rejected).toHaveLength(32);
        expect(rejected).not.toEqual(secret);
        expect(await decapsulate(kms, id, blob)).toEqual(rejected);
      }
    },
  );
});

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
    const stranger = clientOf(daemon, credentials);
    expect(await sdkRefusal(encapsulate(stranger, key.arn))).toMatchObject({
      code: 'AccessDeniedException',
    });
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
