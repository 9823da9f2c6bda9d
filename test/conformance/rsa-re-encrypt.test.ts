import {
  DecryptCommand,
  EncryptCommand,
  type EncryptionAlgorithmSpec,
  GetKeyLastUsageCommand,
  type KMSClient,
  ReEncryptCommand,
  type ReEncryptCommandInput,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, auditOf, createKey } from '../support/kms';
import { type KnownRsaKey, importRsaKey, openWith, sealTo } from '../support/rsa-keys';
import { badRequest, refused } from '../support/wire';

const Plaintext = Buffer.from('attack at dawn');
const wouldSucceed = badRequest(
  'DryRunOperationException',
  'The request would have succeeded, but the DryRun option is set.',
);
const sha1 = 'RSAES_OAEP_SHA_1';
const sha256 = 'RSAES_OAEP_SHA_256';
const materialId = expect.stringMatching(/^[0-9a-f]{64}$/) as string;

let daemon: TestDaemon;
let kms: KMSClient;
let rsa: KnownRsaKey;
let large: KnownRsaKey;
let symmetric: NewKey;
beforeAll(async () => {
  daemon = await startDaemon();
  kms = daemon.client();
  rsa = await importRsaKey(kms);
  large = await importRsaKey(kms, { bits: 4096 });
  symmetric = await createKey(kms);
});
afterAll(() => daemon.remove());

const symmetricBlob = async (
  plaintext = Plaintext,
  EncryptionContext?: Record<string, string>,
): Promise<Buffer> => {
  const input = { KeyId: symmetric.id, Plaintext: plaintext, EncryptionContext };
  return Buffer.from((await kms.send(new EncryptCommand(input))).CiphertextBlob!);
};
const reEncrypt = async (input: Omit<ReEncryptCommandInput, 'DestinationKeyId'> & object) => {
  const { $metadata, ...answer } = await kms.send(
    new ReEncryptCommand(input as ReEncryptCommandInput),
  );
  return { answer, requestId: $metadata.requestId! };
};
const fromRsa = { SourceEncryptionAlgorithm: sha256 } as const;
const toRsa = { DestinationEncryptionAlgorithm: sha256 } as const;

describe('ReEncrypt between RSA and symmetric keys', () => {
  test('From a symmetric key to an RSA key', async () => {
    const SourceEncryptionContext = { at: 'source' };
    const CiphertextBlob = await symmetricBlob(Plaintext, SourceEncryptionContext);
    const { answer } = await reEncrypt({
      ...{ CiphertextBlob, SourceEncryptionContext, DestinationKeyId: rsa.arn, ...toRsa },
    });
    expect(answer).toEqual({
      CiphertextBlob: expect.any(Uint8Array) as Uint8Array,
      ...{ SourceKeyId: symmetric.arn, KeyId: rsa.arn, SourceKeyMaterialId: materialId },
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      DestinationEncryptionAlgorithm: sha256,
    });
    expect(openWith(rsa, sha256, answer.CiphertextBlob)).toEqual(Plaintext);
  });

  test('From an RSA key to a symmetric key', async () => {
    const DestinationEncryptionContext = { at: 'destination' };
    const { answer, requestId } = await reEncrypt({
      ...{ CiphertextBlob: sealTo(rsa, sha256, Plaintext), SourceKeyId: rsa.id, ...fromRsa },
      ...{ DestinationKeyId: symmetric.id, DestinationEncryptionContext },
    });
    expect(answer).toEqual({
      CiphertextBlob: expect.any(Uint8Array) as Uint8Array,
      ...{ SourceKeyId: rsa.arn, KeyId: symmetric.arn, DestinationKeyMaterialId: materialId },
      SourceEncryptionAlgorithm: sha256,
      DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    });
    const { CiphertextBlob } = answer;
    const opened = await kms.send(
      new DecryptCommand({ CiphertextBlob, EncryptionContext: DestinationEncryptionContext }),
    );
    expect(Buffer.from(opened.Plaintext!)).toEqual(Plaintext);
    expect(await auditOf(daemon, requestId)).toMatchObject({
      requestParameters: {
        ...{ sourceKeyId: rsa.id, destinationKeyId: symmetric.id },
        ...{
          sourceEncryptionAlgorithm: sha256,
          destinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
          destinationEncryptionContext: { at: 'destination' },
        },
      },
      additionalEventData: { destinationKeyMaterialId: answer.DestinationKeyMaterialId },
      resources: [{ ARN: rsa.arn }, { ARN: symmetric.arn }],
    });
  });

  test.each([
    ['another key', () => large, sha1, sha256],
    ['itself and the other hash', () => rsa, sha256, sha1],
    ['itself and the same hash', () => rsa, sha256, sha256],
  ] as const)('From an RSA key to %s', async (_, to, from, by) => {
    const CiphertextBlob = sealTo(rsa, from, Plaintext);
    const { answer, requestId } = await reEncrypt({
      ...{ CiphertextBlob, SourceKeyId: rsa.id, SourceEncryptionAlgorithm: from },
      ...{ DestinationKeyId: to().id, DestinationEncryptionAlgorithm: by },
    });
    expect(answer).toEqual({
      CiphertextBlob: expect.any(Uint8Array) as Uint8Array,
      ...{ SourceKeyId: rsa.arn, KeyId: to().arn },
      ...{ SourceEncryptionAlgorithm: from, DestinationEncryptionAlgorithm: by },
    });
    expect(openWith(to(), by, answer.CiphertextBlob)).toEqual(Plaintext);
    expect((await auditOf(daemon, requestId)).additionalEventData).toBeUndefined();
  });

  test('It is a use of both keys', async () => {
    const to = await createKey(kms);
    const CiphertextBlob = sealTo(large, sha256, Plaintext);
    const { requestId } = await reEncrypt({
      ...{ CiphertextBlob, SourceKeyId: large.id, DestinationKeyId: to.id, ...fromRsa },
    });
    for (const { id: KeyId } of [large, to]) {
      const { KeyLastUsage } = await kms.send(new GetKeyLastUsageCommand({ KeyId }));
      expect(KeyLastUsage).toMatchObject({ Operation: 'ReEncrypt', KmsRequestId: requestId });
    }
  });
});

describe('What ReEncrypt refuses', () => {
  const refusedWith = (blob: Buffer, input: object) =>
    refused(daemon, 'ReEncrypt', { CiphertextBlob: blob.toString('base64'), ...input });
  const tooLarge = (algorithm: EncryptionAlgorithmSpec, most: number) =>
    badRequest(
      'ValidationException',
      `Algorithm ${algorithm} and key spec RSA_2048 cannot encrypt data larger than ${most} bytes.`,
    );

  test('A plaintext that the destination is too small for, found in a dry run too', async () => {
    for (const [algorithm, most] of [
      [sha1, 214],
      [sha256, 190],
    ] as const) {
      const to = { DestinationKeyId: rsa.id, DestinationEncryptionAlgorithm: algorithm };
      const fitting = await symmetricBlob(Buffer.alloc(most, 1));
      const { answer } = await reEncrypt({ CiphertextBlob: fitting, ...to });
      expect(openWith(rsa, algorithm, answer.CiphertextBlob)).toEqual(Buffer.alloc(most, 1));
      const more = await symmetricBlob(Buffer.alloc(most + 1, 1));
      expect(await refusedWith(more, to)).toEqual(tooLarge(algorithm, most));
      expect(await refusedWith(more, { ...to, DryRun: true })).toEqual(tooLarge(algorithm, most));
      const fromLarge = {
        ...{ SourceKeyId: large.id, SourceEncryptionAlgorithm: sha1, ...to },
      };
      const sealed = sealTo(large, sha1, Buffer.alloc(most + 1, 1));
      expect(await refusedWith(sealed, fromLarge)).toEqual(tooLarge(algorithm, most));
    }
  });

  test('An RSA destination without its algorithm, or with another’s', async () => {
    const sealed = await symmetricBlob();
    for (const algorithm of [undefined, 'SYMMETRIC_DEFAULT', 'SM2PKE']) {
      const to = { DestinationKeyId: rsa.id, DestinationEncryptionAlgorithm: algorithm };
      expect(await refusedWith(sealed, to)).toEqual(
        badRequest(
          'InvalidKeyUsageException',
          `Algorithm ${algorithm ?? 'SYMMETRIC_DEFAULT'} is incompatible with key spec RSA_2048.`,
        ),
      );
    }
  });

  test('A destination that signs', async () => {
    const signing = await importRsaKey(kms, { usage: 'SIGN_VERIFY' });
    const to = { DestinationKeyId: signing.id, DestinationEncryptionAlgorithm: sha1 };
    expect(await refusedWith(await symmetricBlob(), to)).toEqual(
      badRequest(
        'InvalidKeyUsageException',
        `${signing.arn} key usage is SIGN_VERIFY which is not valid for ReEncrypt.`,
      ),
    );
  });

  test('An encryption context of an RSA key, on either side, unless it is empty', async () => {
    const refusal = badRequest(
      'ValidationException',
      'An encryption context cannot be used with a key with key spec RSA_2048.',
    );
    const to = { DestinationKeyId: rsa.id, ...toRsa };
    const context = { at: 'nowhere' };
    const DestinationEncryptionContext = context;
    const sealed = await symmetricBlob();
    expect(await refusedWith(sealed, { ...to, DestinationEncryptionContext })).toEqual(refusal);
    const from = { SourceKeyId: rsa.id, ...fromRsa, DestinationKeyId: symmetric.id };
    const blob = sealTo(rsa, sha256, Plaintext);
    const SourceEncryptionContext = context;
    expect(await refusedWith(blob, { ...from, SourceEncryptionContext })).toEqual(refusal);
    const { answer } = await reEncrypt({
      ...{ CiphertextBlob: blob, ...from, SourceEncryptionContext: {} },
    });
    expect(answer.KeyId).toBe(symmetric.arn);
  });

  test('A dry run, whichever keys it is between', async () => {
    const blob = sealTo(rsa, sha256, Plaintext);
    const from = { SourceKeyId: rsa.id, ...fromRsa };
    for (const [sealed, input] of [
      [blob, { ...from, DestinationKeyId: symmetric.id }],
      [blob, { ...from, DestinationKeyId: large.id, ...toRsa }],
      [await symmetricBlob(), { DestinationKeyId: rsa.id, ...toRsa }],
    ] as const) {
      expect(await refusedWith(sealed, { ...input, DryRun: true })).toEqual(wouldSucceed);
    }
    const ignoring = { DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'] };
    const input = { ...from, DestinationKeyId: large.id, ...toRsa, ...ignoring };
    expect(await refusedWith(Buffer.from('garbage'), input)).toEqual(wouldSucceed);
    expect(await refused(daemon, 'ReEncrypt', input)).toEqual(wouldSucceed);
  });
});
