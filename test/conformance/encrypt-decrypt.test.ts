import {
  CreateAliasCommand,
  CreateKeyCommand,
  DecryptCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  EncryptCommand,
  type KMSClient,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, otherAccount, putIntoState, sdkRefusal } from '../support/kms';
import { accessDenied, badRequest, call, refused } from '../support/wire';

const Plaintext = Buffer.from('attack at dawn');
const EncryptionContext = { tenant: 'Ünïcode-🔑', purpose: '' };
const invalid = badRequest('InvalidCiphertextException');
const incorrect = badRequest(
  'IncorrectKeyException',
  'The key ID in the request does not identify a CMK that can perform this operation.',
);
const unreachable = accessDenied(
  'The ciphertext refers to a customer master key that does not exist, does not exist in this region, or you are not allowed to access.',
);

/** Where a ciphertext names its key (src/keys/ciphertext.ts). */
const keyIdBytes = { from: 2, to: 18 };
const kindByte = 1;

describe('Encrypt and Decrypt', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  let blob: Buffer;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    key = await createKey(kms);
    blob = await encrypt({});
  });
  afterAll(() => daemon.remove());

  const encrypt = async (input: object): Promise<Buffer> => {
    const command = new EncryptCommand({ KeyId: key.id, Plaintext, EncryptionContext, ...input });
    return Buffer.from((await kms.send(command)).CiphertextBlob!);
  };
  /** Refused with the ciphertext and its context, and what else is given. */
  const decryptRefused = (ciphertext: Buffer, input: object = {}) =>
    refused(daemon, 'Decrypt', {
      CiphertextBlob: ciphertext.toString('base64'),
      EncryptionContext,
      ...input,
    });

  test('Encrypt answers the key ARN and algorithm; Decrypt answers plaintext, ARN, algorithm and material', async () => {
    const {
      $metadata: _,
      CiphertextBlob,
      ...sealed
    } = await kms.send(new EncryptCommand({ KeyId: key.id, Plaintext, EncryptionContext }));
    expect(sealed).toEqual({ KeyId: key.arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
    const {
      $metadata: __,
      KeyMaterialId,
      ...opened
    } = await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
    expect({ ...opened, Plaintext: Buffer.from(opened.Plaintext!) }).toEqual({
      Plaintext,
      KeyId: key.arn,
      EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
    });
    expect(KeyMaterialId).toMatch(/^[0-9a-f]{64}$/);
  });

  test.each([1, 15, 16, 17, 4095, 4096])('A plaintext of %i bytes comes back', async (size) => {
    const bytes = Buffer.alloc(size, 0xa5);
    const CiphertextBlob = await encrypt({ Plaintext: bytes });
    const { Plaintext: back } = await kms.send(
      new DecryptCommand({ CiphertextBlob, EncryptionContext }),
    );
    expect(Buffer.from(back!)).toEqual(bytes);
  });

  test.each([
    [0, 'Member must have length greater than or equal to 1'],
    [4097, 'Member must have length less than or equal to 4096'],
  ])('A plaintext of %i bytes is refused without showing it', async (size, constraint) => {
    const bytes = Buffer.alloc(size, 0x41).toString('base64');
    expect(await refused(daemon, 'Encrypt', { KeyId: key.id, Plaintext: bytes })).toEqual(
      badRequest(
        'ValidationException',
        `1 validation error detected: Value at 'plaintext' failed to satisfy constraint: ${constraint}`,
      ),
    );
  });

  test('Two encryptions of one plaintext are different', async () => {
    expect(await encrypt({})).not.toEqual(await encrypt({}));
  });

  test('The order of the pairs does not matter, and an absent context is an empty one', async () => {
    const { tenant, purpose } = EncryptionContext;
    await kms.send(
      new DecryptCommand({ CiphertextBlob: blob, EncryptionContext: { purpose, tenant } }),
    );
    const bare = await encrypt({ EncryptionContext: undefined });
    await kms.send(new DecryptCommand({ CiphertextBlob: bare, EncryptionContext: {} }));
    const empty = await encrypt({ EncryptionContext: {} });
    await kms.send(new DecryptCommand({ CiphertextBlob: empty }));
  });

  test.each([
    ['none', undefined],
    ['an empty one', {}],
    ['a pair less', { tenant: EncryptionContext.tenant }],
    ['a pair more', { ...EncryptionContext, more: '1' }],
    ['another value', { ...EncryptionContext, purpose: ' ' }],
    ['a value in another case', { ...EncryptionContext, tenant: 'ünïcode-🔑' }],
    ['a key in another case', { Tenant: EncryptionContext.tenant, purpose: '' }],
    [
      'a value normalised',
      { ...EncryptionContext, tenant: EncryptionContext.tenant.normalize('NFD') },
    ],
  ])('With the wrong context, %s, a ciphertext is invalid', async (_, context) => {
    expect(await decryptRefused(blob, { EncryptionContext: context })).toEqual(invalid);
    expect(await decryptRefused(blob, { EncryptionContext: context, KeyId: key.id })).toEqual(
      invalid,
    );
  });

  test('Every bit flip is refused: as invalid, or in the key id as the ciphertext of another key', async () => {
    for (let at = 0; at < blob.length; at++) {
      const flipped = Buffer.from(blob);
      flipped[at] = blob[at]! ^ (1 << (at % 8));
      const otherId = at >= keyIdBytes.from && at < keyIdBytes.to;
      const otherKey = otherId || (at === kindByte && flipped[at] === 1);
      expect([at, await decryptRefused(flipped)]).toEqual([at, otherKey ? unreachable : invalid]);
      const named = await decryptRefused(flipped, { KeyId: key.id });
      expect([at, named]).toEqual([at, otherKey ? incorrect : invalid]);
    }
  });

  test('Every truncation, an extension and garbage are invalid', async () => {
    const truncations = Array.from({ length: blob.length - 1 }, (_, i) => blob.subarray(0, i + 1));
    const others = [
      Buffer.concat([blob, Buffer.of(0)]),
      Buffer.alloc(6144),
      Buffer.from('garbage'),
    ];
    for (const ciphertext of [...truncations, ...others]) {
      expect(await decryptRefused(ciphertext)).toEqual(invalid);
    }
  });

  test('The SDK gets InvalidCiphertextException as its own type, without a text', async () => {
    const CiphertextBlob = blob.subarray(1);
    expect(await sdkRefusal(kms.send(new DecryptCommand({ CiphertextBlob })))).toEqual({
      code: 'InvalidCiphertextException',
      message: '',
      status: 400,
    });
  });

  describe('The key that a Decrypt names', () => {
    test('A key id in every form is accepted when it is the one of the ciphertext', async () => {
      await kms.send(new CreateAliasCommand({ AliasName: 'alias/mine', TargetKeyId: key.id }));
      const aliasArn = key.arn.replace(`key/${key.id}`, 'alias/mine');
      for (const KeyId of [key.id, key.id.toUpperCase(), key.arn, 'alias/mine', aliasArn]) {
        const opened = await kms.send(
          new DecryptCommand({ CiphertextBlob: blob, EncryptionContext, KeyId }),
        );
        expect(opened.KeyId).toBe(key.arn);
      }
    });

    test('Another key is incorrect in every state, before its state is looked at', async () => {
      expect(await decryptRefused(blob, { KeyId: (await createKey(kms)).id })).toEqual(incorrect);
      for (const state of ['Disabled', 'PendingDeletion', 'PendingImport']) {
        const other = await createKey(kms);
        await putIntoState(daemon, other.id, state);
        expect(await decryptRefused(blob, { KeyId: other.id })).toEqual(incorrect);
      }
    });

    test('A key that is nowhere is not found, whatever the ciphertext', async () => {
      const KeyId = '00000000-1111-2222-3333-444444444444';
      const arn = key.arn.replace(key.id, KeyId);
      for (const ciphertext of [blob, Buffer.from('garbage')]) {
        expect(await decryptRefused(ciphertext, { KeyId })).toEqual(
          badRequest('NotFoundException', `Key '${arn}' does not exist`),
        );
      }
    });

    test('An alias that was moved to another key since is incorrect', async () => {
      const AliasName = 'alias/moving';
      await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }));
      const input = { CiphertextBlob: blob, EncryptionContext, KeyId: AliasName };
      await kms.send(new DecryptCommand(input));
      await kms.send(new UpdateAliasCommand({ AliasName, TargetKeyId: (await createKey(kms)).id }));
      expect(await decryptRefused(blob, { KeyId: AliasName })).toEqual(incorrect);
    });

    test('Without one, a foreign key and a key that denies are one answer', async () => {
      const credentials = await otherAccount(daemon, '444455556666');
      const input = { CiphertextBlob: blob.toString('base64'), EncryptionContext };
      expect(await refused(daemon, 'Decrypt', input, { credentials })).toEqual(unreachable);
      const denying = await createKey(kms, { Policy: policyDenyingDecrypt(daemon) });
      const denied = await encrypt({ KeyId: denying.id });
      expect(await decryptRefused(denied)).toEqual(unreachable);
      expect(await decryptRefused(denied, { KeyId: denying.id })).toEqual(
        accessDenied(
          `User: arn:aws:iam::${daemon.accountId}:root is not authorized to perform: kms:Decrypt on resource: ${denying.arn} with an explicit deny in a resource-based policy`,
        ),
      );
    });
  });

  test('Another algorithm than SYMMETRIC_DEFAULT does not fit the key', async () => {
    const refusal = badRequest(
      'InvalidKeyUsageException',
      'Algorithm RSAES_OAEP_SHA_256 is incompatible with key spec SYMMETRIC_DEFAULT.',
    );
    const EncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
    expect(await decryptRefused(blob, { EncryptionAlgorithm })).toEqual(refusal);
    const input = { KeyId: key.id, Plaintext: 'YQ==', EncryptionAlgorithm };
    expect(await refused(daemon, 'Encrypt', input)).toEqual(refusal);
  });

  test('A disabled key neither encrypts nor decrypts, and does both again once enabled', async () => {
    const { KeyMetadata } = await kms.send(new CreateKeyCommand({}));
    const { KeyId, Arn } = KeyMetadata!;
    const CiphertextBlob = await encrypt({ KeyId });
    await kms.send(new DisableKeyCommand({ KeyId }));
    const disabled = badRequest('DisabledException', `${Arn!} is disabled.`);
    expect(await decryptRefused(CiphertextBlob)).toEqual(disabled);
    expect(await refused(daemon, 'Encrypt', { KeyId, Plaintext: 'YQ==' })).toEqual(disabled);
    await kms.send(new EnableKeyCommand({ KeyId }));
    await kms.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }));
  });

  test('Requests that miss members or have too much of them are refused by validation', async () => {
    const failed = 'failed to satisfy constraint: Member must';
    const cases = [
      [
        'Decrypt',
        {},
        `1 validation error detected: Value null at 'ciphertextBlob' ${failed} not be null`,
      ],
      [
        'Decrypt',
        { CiphertextBlob: '' },
        `1 validation error detected: Value at 'ciphertextBlob' ${failed} have length greater than or equal to 1`,
      ],
      [
        'Decrypt',
        { CiphertextBlob: Buffer.alloc(6145).toString('base64') },
        `1 validation error detected: Value at 'ciphertextBlob' ${failed} have length less than or equal to 6144`,
      ],
      [
        'Encrypt',
        {},
        `2 validation errors detected: Value null at 'keyId' ${failed} not be null; Value at 'plaintext' ${failed} not be null`,
      ],
      [
        'Encrypt',
        { KeyId: 'a', Plaintext: 'YQ==', EncryptionAlgorithm: 'AES' },
        `1 validation error detected: Value 'AES' at 'encryptionAlgorithm' ${failed} satisfy enum value set: [RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT]`,
      ],
      [
        'Encrypt',
        { KeyId: 'a', Plaintext: 'YQ==', EncryptionContext: { k: 'v'.repeat(9000) } },
        'The encryption context must not be larger than 8192 bytes.',
      ],
    ] as const;
    for (const [operation, input, message] of cases) {
      expect(await refused(daemon, operation, input)).toEqual(
        badRequest('ValidationException', message),
      );
    }
  });

  test('A context value that is no string cannot be read', async () => {
    const reply = await call(daemon, 'Encrypt', {
      KeyId: key.id,
      Plaintext: 'YQ==',
      EncryptionContext: { a: 1 },
    });
    expect([reply.status, JSON.parse(reply.text)]).toEqual([
      400,
      { __type: 'SerializationException', message: 'NUMBER_VALUE cannot be converted to String' },
    ]);
  });
});

function policyDenyingDecrypt({ accountId }: TestDaemon): string {
  const principal = { AWS: `arn:aws:iam::${accountId}:root` };
  const allow = { Effect: 'Allow', Principal: principal, Action: 'kms:*', Resource: '*' };
  const deny = { ...allow, Effect: 'Deny', Action: 'kms:decrypt' };
  return JSON.stringify({ Version: '2012-10-17', Statement: [allow, deny] });
}
