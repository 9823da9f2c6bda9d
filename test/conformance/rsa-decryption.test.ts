import { randomBytes } from 'node:crypto';
import {
  CreateAliasCommand,
  DecryptCommand,
  EncryptCommand,
  type KMSClient,
  ReEncryptCommand,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, putIntoState } from '../support/kms';
import { createExternalKey } from '../support/kms-imports';
import { type KnownRsaKey, importRsaKey, rsaAlgorithms, sealTo } from '../support/rsa-keys';
import { type CallOptions, badRequest, call, refused } from '../support/wire';

const Plaintext = Buffer.from('attack at dawn');
const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
const invalid = badRequest('InvalidCiphertextException');
const incorrect = badRequest(
  'IncorrectKeyException',
  'The key ID in the request does not identify a CMK that can perform this operation.',
);

let daemon: TestDaemon;
let kms: KMSClient;
let key: KnownRsaKey;
let other: KnownRsaKey;
let symmetric: NewKey;
let destination: NewKey;
/** To the RSA key by OpenSSL, and by the symmetric key. */
let blob: Buffer;
let symmetricBlob: Buffer;
beforeAll(async () => {
  daemon = await startDaemon();
  kms = daemon.client();
  [key, other] = [await importRsaKey(kms), await importRsaKey(kms)];
  [symmetric, destination] = [await createKey(kms), await createKey(kms)];
  blob = sealTo(key, EncryptionAlgorithm, Plaintext);
  const sealed = await kms.send(new EncryptCommand({ KeyId: symmetric.id, Plaintext }));
  symmetricBlob = Buffer.from(sealed.CiphertextBlob!);
});
afterAll(() => daemon.remove());

interface Asked {
  readonly blob?: Buffer;
  readonly KeyId?: string | undefined;
  readonly EncryptionAlgorithm?: string | undefined;
}

/** What Decrypt answers, and ReEncrypt with the same as its source: they decide alike. */
async function refusals(
  { blob: ciphertext = blob, ...asked }: Asked,
  options: CallOptions = {},
): Promise<unknown> {
  const given = { KeyId: key.id, EncryptionAlgorithm, ...asked };
  const CiphertextBlob = ciphertext.toString('base64');
  const decrypted = await refused(daemon, 'Decrypt', { CiphertextBlob, ...given }, options);
  const input = {
    ...{ CiphertextBlob, SourceKeyId: given.KeyId, DestinationKeyId: destination.id },
    SourceEncryptionAlgorithm: given.EncryptionAlgorithm,
  };
  expect(await refused(daemon, 'ReEncrypt', input, options)).toEqual(decrypted);
  return decrypted;
}

describe('The decision table of Decrypt (kms-semantics §4.4), for RSA', () => {
  test('A ciphertext opens with the key and the algorithm that made it', async () => {
    const input = { CiphertextBlob: blob, KeyId: key.id, EncryptionAlgorithm } as const;
    const { Plaintext: opened } = await kms.send(new DecryptCommand(input));
    expect(Buffer.from(opened!)).toEqual(Plaintext);
  });

  test('Without the algorithm it is taken for a symmetric one, which it is not', async () => {
    for (const algorithm of [undefined, 'SYMMETRIC_DEFAULT']) {
      expect(await refusals({ EncryptionAlgorithm: algorithm })).toEqual(invalid);
    }
  });

  test('Without the key nothing says which one it is', async () => {
    for (const algorithm of [undefined, ...rsaAlgorithms]) {
      const asked = { KeyId: undefined, EncryptionAlgorithm: algorithm };
      expect(await refusals(asked)).toEqual(invalid);
    }
  });

  test('A symmetric ciphertext says that it is another key’s, unless it is taken for RSA’s', async () => {
    for (const algorithm of [undefined, 'SYMMETRIC_DEFAULT']) {
      const asked = { blob: symmetricBlob, EncryptionAlgorithm: algorithm };
      expect(await refusals(asked)).toEqual(incorrect);
    }
    expect(await refusals({ blob: symmetricBlob })).toEqual(invalid);
  });

  test('A key that decrypts nothing is incorrect, in every state', async () => {
    const [signing, mac, agreement] = [
      await createExternalKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'SIGN_VERIFY' }),
      await createExternalKey(kms, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }),
      await createExternalKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }),
    ];
    for (const { id: KeyId } of [signing, mac, agreement]) {
      expect(await refusals({ KeyId })).toEqual(incorrect);
      const asSymmetric = { KeyId, blob: symmetricBlob, EncryptionAlgorithm: undefined };
      expect(await refusals(asSymmetric)).toEqual(incorrect);
      await putIntoState(daemon, KeyId, 'Disabled');
      expect(await refusals({ KeyId })).toEqual(incorrect);
    }
  });

  test('A symmetric key does not have the algorithm, whosesoever the ciphertext is', async () => {
    for (const ciphertext of [blob, symmetricBlob]) {
      expect(await refusals({ KeyId: symmetric.id, blob: ciphertext })).toEqual(
        badRequest(
          'InvalidKeyUsageException',
          `Algorithm ${EncryptionAlgorithm} is incompatible with key spec SYMMETRIC_DEFAULT.`,
        ),
      );
    }
  });

  test('A key that is nowhere is not found', async () => {
    const KeyId = '00000000-1111-2222-3333-444444444444';
    const arn = key.arn.replace(key.id, KeyId);
    expect(await refusals({ KeyId })).toEqual(
      badRequest('NotFoundException', `Key '${arn}' does not exist`),
    );
  });

  test('An RSA key that does not have the algorithm says so', async () => {
    expect(await refusals({ EncryptionAlgorithm: 'SM2PKE' })).toEqual(
      badRequest(
        'InvalidKeyUsageException',
        'Algorithm SM2PKE is incompatible with key spec RSA_2048.',
      ),
    );
  });

  test('An alias stands for its key, and after it was moved for another', async () => {
    const AliasName = 'alias/moving';
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }));
    const input = { CiphertextBlob: blob, KeyId: AliasName, EncryptionAlgorithm } as const;
    expect((await kms.send(new DecryptCommand(input))).KeyId).toBe(key.arn);
    await kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: other.id }));
    expect(await refusals({ KeyId: AliasName })).toEqual(invalid);
    await kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: symmetric.id }));
    const asSymmetric = { blob: symmetricBlob, KeyId: key.id, EncryptionAlgorithm: undefined };
    expect(await refusals(asSymmetric)).toEqual(incorrect);
  });

  test('The state of the key is told before its ciphertext is looked at', async () => {
    const dying = await createExternalKey(kms, {
      ...{ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
    });
    for (const [state, code, what] of [
      ['PendingImport', 'KMSInvalidStateException', 'is pending import.'],
      ['Disabled', 'DisabledException', 'is disabled.'],
      ['PendingDeletion', 'KMSInvalidStateException', 'is pending deletion.'],
    ] as const) {
      await putIntoState(daemon, dying.id, state);
      for (const ciphertext of [blob, Buffer.from('garbage')]) {
        expect(await refusals({ KeyId: dying.id, blob: ciphertext })).toEqual(
          badRequest(code, `${dying.arn} ${what}`),
        );
      }
    }
  });

  test('Garbage that is taken for a symmetric ciphertext is invalid before any state', async () => {
    const disabled = await createExternalKey(kms, {
      ...{ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
    });
    const asked = { KeyId: disabled.id, EncryptionAlgorithm: undefined };
    expect(await refusals(asked)).toEqual(invalid);
    expect(await refusals({ ...asked, blob: symmetricBlob })).toEqual(incorrect);
  });
});

describe('What does not decrypt', () => {
  /** All that a server must not tell apart (Bleichenbacher, Manger). */
  function bad(): Readonly<Record<string, Buffer>> {
    const changed = (at: number): Buffer => {
      const copy = Buffer.from(blob);
      copy[at] = (copy[at] ?? 0) ^ 1;
      return copy;
    };
    return {
      'the other hash': sealTo(key, 'RSAES_OAEP_SHA_1', Plaintext),
      'another key': sealTo(other, EncryptionAlgorithm, Plaintext),
      'a changed first byte': changed(0),
      'a changed last byte': changed(255),
      'zero, which encrypts zero': Buffer.alloc(256),
      'one, which encrypts one': Buffer.concat([Buffer.alloc(255), Buffer.of(1)]),
      'more than the modulus': Buffer.alloc(256, 0xff),
      random: Buffer.concat([Buffer.of(0), randomBytes(255)]),
      'a byte short': blob.subarray(1),
      'a byte long': Buffer.concat([blob, Buffer.of(0)]),
      'a zero in front': Buffer.concat([Buffer.of(0), blob]),
      'one byte': Buffer.of(7),
      'the most that the API takes': Buffer.alloc(6144, 7),
      'no plaintext at all': sealTo(key, EncryptionAlgorithm, Buffer.alloc(0)),
    };
  }

  test('is answered by one refusal, the same to the byte', async () => {
    const answers = new Set<string>();
    for (const ciphertext of Object.values(bad())) {
      const CiphertextBlob = ciphertext.toString('base64');
      const input = { KeyId: key.id, EncryptionAlgorithm, CiphertextBlob };
      const { status, headers, text } = await call(daemon, 'Decrypt', input);
      const { 'x-amzn-requestid': _, date: __, ...same } = headers;
      answers.add(JSON.stringify([status, same, text]));
    }
    expect([...answers].map((answer) => (JSON.parse(answer) as unknown[]).at(-1))).toEqual([
      '{"__type":"InvalidCiphertextException"}',
    ]);
  });

  test('is refused by ReEncrypt and in a dry run alike', async () => {
    for (const [why, ciphertext] of Object.entries(bad())) {
      expect([why, await refusals({ blob: ciphertext })]).toEqual([why, invalid]);
      const CiphertextBlob = ciphertext.toString('base64');
      const input = { KeyId: key.id, EncryptionAlgorithm, CiphertextBlob, DryRun: true };
      expect([why, await refused(daemon, 'Decrypt', input)]).toEqual([why, invalid]);
    }
  });

  test('is refused by the hash that the request names, whichever made it', async () => {
    for (const made of rsaAlgorithms) {
      for (const named of rsaAlgorithms) {
        if (made === named) continue;
        const ciphertext = sealTo(key, made, Plaintext);
        const asked = { blob: ciphertext, EncryptionAlgorithm: named };
        expect(await refusals(asked)).toEqual(invalid);
      }
    }
  });

  test('leaves the key as good as it was', async () => {
    const sealed = sealTo(key, EncryptionAlgorithm, Plaintext);
    const answer = await kms.send(
      new ReEncryptCommand({
        ...{ CiphertextBlob: sealed, SourceKeyId: key.id, DestinationKeyId: destination.id },
        SourceEncryptionAlgorithm: EncryptionAlgorithm,
      }),
    );
    const { CiphertextBlob } = answer;
    const opened = await kms.send(new DecryptCommand({ CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext!)).toEqual(Plaintext);
  });
});
