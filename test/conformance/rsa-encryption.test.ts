import {
  CreateGrantCommand,
  DecryptCommand,
  type EncryptCommandInput,
  EncryptCommand,
  GetKeyLastUsageCommand,
  type KMSClient,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { document } from '../support/condition-stage';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { auditOf, auditTexts, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { newUser } from '../support/principals';
import {
  type KnownRsaKey,
  importRsaKey,
  openWith,
  rsaAlgorithms,
  sealTo,
} from '../support/rsa-keys';
import { badRequest, refused } from '../support/wire';

const Plaintext = Buffer.from('attack at dawn');

let daemon: TestDaemon;
let kms: KMSClient;
let key: KnownRsaKey;
let large: KnownRsaKey;
beforeAll(async () => {
  daemon = await startDaemon();
  kms = daemon.client();
  key = await importRsaKey(kms);
  large = await importRsaKey(kms, { bits: 4096 });
});
afterAll(() => daemon.remove());

const encrypt = (input: Partial<EncryptCommandInput> = {}) =>
  kms.send(
    new EncryptCommand({
      ...{ KeyId: key.id, Plaintext, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' },
      ...input,
    }),
  );
const encryptRefused = (input: object) =>
  refused(daemon, 'Encrypt', {
    ...{ KeyId: key.id, Plaintext: Plaintext.toString('base64') },
    EncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    ...input,
  });
const validation = (message: string) => badRequest('ValidationException', message);

describe.each(rsaAlgorithms)('Encrypt and Decrypt by %s', (EncryptionAlgorithm) => {
  test('What Encrypt makes the private half opens, of RSA_2048 and RSA_4096', async () => {
    for (const [one, bytes] of [
      [key, 256],
      [large, 512],
    ] as const) {
      const sealed = await encrypt({ KeyId: one.id, EncryptionAlgorithm });
      const { $metadata: _, CiphertextBlob, ...answer } = sealed;
      expect(answer).toEqual({ KeyId: one.arn, EncryptionAlgorithm });
      expect(CiphertextBlob).toHaveLength(bytes);
      expect(openWith(one, EncryptionAlgorithm, CiphertextBlob)).toEqual(Plaintext);
    }
  });

  test('What OpenSSL encrypts to the public half Decrypt opens, of both', async () => {
    for (const one of [key, large]) {
      const CiphertextBlob = sealTo(one, EncryptionAlgorithm, Plaintext);
      const { $metadata: _, ...opened } = await kms.send(
        new DecryptCommand({ KeyId: one.id, CiphertextBlob, EncryptionAlgorithm }),
      );
      expect({ ...opened, Plaintext: Buffer.from(opened.Plaintext!) }).toEqual({
        ...{ KeyId: one.arn, Plaintext, EncryptionAlgorithm },
      });
    }
  });

  test('Two encryptions of one plaintext are different', async () => {
    const [one, two] = [
      await encrypt({ EncryptionAlgorithm }),
      await encrypt({ EncryptionAlgorithm }),
    ];
    expect(one.CiphertextBlob).not.toEqual(two.CiphertextBlob);
  });

  test('A key that was made in the token does both', async () => {
    const made = await createKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
    const { CiphertextBlob } = await encrypt({ KeyId: made.id, EncryptionAlgorithm });
    const input = { KeyId: made.arn, CiphertextBlob, EncryptionAlgorithm };
    const opened = await kms.send(new DecryptCommand(input));
    expect(Buffer.from(opened.Plaintext!)).toEqual(Plaintext);
  });
});

describe('How much RSA encrypts', () => {
  const most = {
    RSAES_OAEP_SHA_1: { RSA_2048: 214, RSA_4096: 470 },
    RSAES_OAEP_SHA_256: { RSA_2048: 190, RSA_4096: 446 },
  } as const;
  const keys = () => [[key, 'RSA_2048'] as const, [large, 'RSA_4096'] as const];

  test.each(rsaAlgorithms)('%s takes as much as fits, and a byte', async (EncryptionAlgorithm) => {
    for (const [{ id: KeyId, ...one }, spec] of keys()) {
      for (const bytes of [1, most[EncryptionAlgorithm][spec]]) {
        const whole = Buffer.alloc(bytes, 0xa5);
        const { CiphertextBlob } = await encrypt({ KeyId, Plaintext: whole, EncryptionAlgorithm });
        expect(openWith(one, EncryptionAlgorithm, CiphertextBlob)).toEqual(whole);
        const input = { KeyId, CiphertextBlob, EncryptionAlgorithm };
        const opened = await kms.send(new DecryptCommand(input));
        expect(Buffer.from(opened.Plaintext!)).toEqual(whole);
      }
    }
  });

  test.each(rsaAlgorithms)('%s takes no byte more', async (EncryptionAlgorithm) => {
    for (const [{ id: KeyId }, spec] of keys()) {
      const limit = most[EncryptionAlgorithm][spec];
      for (const bytes of [limit + 1, 4096]) {
        const tooMuch = Buffer.alloc(bytes).toString('base64');
        const input = { KeyId, Plaintext: tooMuch, EncryptionAlgorithm };
        expect(await encryptRefused(input)).toEqual(
          validation(
            `Algorithm ${EncryptionAlgorithm} and key spec ${spec} cannot encrypt data larger than ${limit} bytes.`,
          ),
        );
      }
    }
  });

  test('The bounds of the API come first', async () => {
    const at = "1 validation error detected: Value at 'plaintext' failed to satisfy constraint:";
    expect(await encryptRefused({ Plaintext: '' })).toEqual(
      validation(`${at} Member must have length greater than or equal to 1`),
    );
    expect(await encryptRefused({ Plaintext: Buffer.alloc(4097).toString('base64') })).toEqual(
      validation(`${at} Member must have length less than or equal to 4096`),
    );
  });
});

describe('What RSA keys do not encrypt with', () => {
  test('The algorithm of symmetric keys, named or by default, and SM2PKE', async () => {
    for (const EncryptionAlgorithm of [undefined, 'SYMMETRIC_DEFAULT', 'SM2PKE']) {
      expect(await encryptRefused({ EncryptionAlgorithm })).toEqual(
        badRequest(
          'InvalidKeyUsageException',
          `Algorithm ${EncryptionAlgorithm ?? 'SYMMETRIC_DEFAULT'} is incompatible with key spec RSA_2048.`,
        ),
      );
    }
  });

  test('A key that signs, which says so before its state', async () => {
    const signing = await importRsaKey(kms, { usage: 'SIGN_VERIFY' });
    expect(await encryptRefused({ KeyId: signing.id })).toEqual(
      badRequest(
        'InvalidKeyUsageException',
        `${signing.arn} key usage is SIGN_VERIFY which is not valid for Encrypt.`,
      ),
    );
  });

  test('An encryption context, which they cannot bind, unless it is empty', async () => {
    const refusal = validation(
      'An encryption context cannot be used with a key with key spec RSA_2048.',
    );
    const EncryptionContext = { tenant: 'a' };
    expect(await encryptRefused({ EncryptionContext })).toEqual(refusal);
    const { CiphertextBlob } = await encrypt({ EncryptionContext: {} });
    const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
    const named = { KeyId: key.id, EncryptionAlgorithm } as const;
    const input = { ...named, CiphertextBlob: Buffer.from(CiphertextBlob!).toString('base64') };
    expect(await refused(daemon, 'Decrypt', { ...input, EncryptionContext })).toEqual(refusal);
    await kms.send(new DecryptCommand({ ...named, CiphertextBlob, EncryptionContext: {} }));
  });

  test('Data keys of any kind are not theirs to make', async () => {
    for (const [operation, what] of [
      ['GenerateDataKey', { KeySpec: 'AES_256' }],
      ['GenerateDataKeyWithoutPlaintext', { NumberOfBytes: 1 }],
      ['GenerateDataKeyPair', { KeyPairSpec: 'RSA_2048' }],
      ['GenerateDataKeyPairWithoutPlaintext', { KeyPairSpec: 'ECC_NIST_P256' }],
    ] as const) {
      expect(await refused(daemon, operation, { KeyId: key.id, ...what })).toEqual(
        badRequest(
          'InvalidKeyUsageException',
          'You cannot generate a data key with an asymmetric CMK',
        ),
      );
    }
  });
});

describe('Who may encrypt and decrypt with an RSA key', () => {
  const named = () => ({ KeyId: key.arn, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' as const });
  const sealed = () => sealTo(key, 'RSAES_OAEP_SHA_256', Plaintext);

  test('A grantee, as far as the grant goes', async () => {
    const grantee = await newUser(daemon, 'grantee');
    const decrypting = () =>
      grantee.kms.send(new DecryptCommand({ ...named(), CiphertextBlob: sealed() }));
    const grant = { KeyId: key.id, GranteePrincipal: grantee.arn };
    await kms.send(new CreateGrantCommand({ ...grant, Operations: ['Encrypt'] }));
    await grantee.kms.send(new EncryptCommand({ ...named(), Plaintext }));
    expect(await sdkRefusal(decrypting())).toMatchObject({ code: 'AccessDeniedException' });
    await kms.send(new CreateGrantCommand({ ...grant, Operations: ['Decrypt'] }));
    expect(Buffer.from((await decrypting()).Plaintext!)).toEqual(Plaintext);
  });

  test('Another account that the key’s policy names, and only by the algorithm that it allows', async () => {
    const stranger = clientOf(daemon, await otherAccount(daemon, '444455556666'));
    const statement = (account: string, more: object = {}) => ({
      Principal: { AWS: `arn:aws:iam::${account}:root` },
      ...{ Effect: 'Allow', Action: 'kms:*', Resource: '*', ...more },
    });
    const StringEquals = { 'kms:EncryptionAlgorithm': 'RSAES_OAEP_SHA_256' };
    const Policy = document([
      statement(daemon.accountId),
      statement('444455556666', { Condition: { StringEquals } }),
    ]);
    await kms.send(new PutKeyPolicyCommand({ KeyId: key.id, Policy }));
    const { CiphertextBlob } = await stranger.send(new EncryptCommand({ ...named(), Plaintext }));
    const opened = await stranger.send(new DecryptCommand({ ...named(), CiphertextBlob }));
    expect(Buffer.from(opened.Plaintext!)).toEqual(Plaintext);
    const other = { ...named(), EncryptionAlgorithm: 'RSAES_OAEP_SHA_1' as const };
    for (const command of [
      new EncryptCommand({ ...other, Plaintext }),
      new DecryptCommand({ ...other, CiphertextBlob }),
    ]) {
      const sending = stranger.send(command as EncryptCommand);
      expect(await sdkRefusal(sending)).toMatchObject({ code: 'AccessDeniedException' });
    }
  });
});

test('The audit has the algorithm, no key material, and nothing of what was encrypted', async () => {
  const secret = Buffer.from('a secret that nobody may find');
  const { CiphertextBlob, $metadata: first } = await encrypt({ Plaintext: secret });
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
  const input = { KeyId: key.id, CiphertextBlob, EncryptionAlgorithm } as const;
  const { $metadata: second } = await kms.send(new DecryptCommand(input));
  for (const { requestId } of [first, second]) {
    const record = await auditOf(daemon, requestId!);
    expect(record.requestParameters).toEqual({
      keyId: key.id,
      encryptionAlgorithm: 'RSAES_OAEP_SHA_256',
    });
    expect(record.additionalEventData).toBeUndefined();
    expect(record.resources).toMatchObject([{ ARN: key.arn }]);
  }
  const all = (await auditTexts(daemon)).join('\n') + JSON.stringify(daemon.log);
  for (const bytes of [secret, Buffer.from(CiphertextBlob!)]) {
    expect(all.includes(bytes.toString('base64'))).toBe(false);
    expect(all.includes(bytes.toString('utf8'))).toBe(false);
  }
});

test('Encrypt and Decrypt are uses of the key', async () => {
  const used = async () =>
    (await kms.send(new GetKeyLastUsageCommand({ KeyId: large.id }))).KeyLastUsage?.Operation;
  const EncryptionAlgorithm = 'RSAES_OAEP_SHA_1';
  const { CiphertextBlob } = await encrypt({ KeyId: large.id, EncryptionAlgorithm });
  expect(await used()).toBe('Encrypt');
  await kms.send(new DecryptCommand({ KeyId: large.id, CiphertextBlob, EncryptionAlgorithm }));
  expect(await used()).toBe('Decrypt');
});

test('Many at once are each answered with their own', async () => {
  const messages = Array.from({ length: 32 }, (_, i) => Buffer.from(`message ${i}`));
  const opened = await Promise.all(
    messages.map(async (message, i) => {
      const EncryptionAlgorithm = rsaAlgorithms[i % 2]!;
      const { CiphertextBlob } = await encrypt({ Plaintext: message, EncryptionAlgorithm });
      const input = { KeyId: key.id, CiphertextBlob, EncryptionAlgorithm };
      return Buffer.from((await kms.send(new DecryptCommand(input))).Plaintext!);
    }),
  );
  expect(opened).toEqual(messages);
});
