import { createHmac, randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  type CreateKeyCommandInput,
  DeleteImportedKeyMaterialCommand,
  DescribeKeyCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  GenerateMacCommand,
  type KMSClient,
  type KeySpec,
  type MacAlgorithmSpec,
  VerifyMacCommand,
} from '@aws-sdk/client-kms';
import { openTerminal } from '../support/aws-cli';
import { bothStores, storages } from '../support/both-stores';
import type { TestDaemon } from '../support/daemon';
import { type NewKey, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { createExternalKey, getParameters, importMaterial } from '../support/kms-imports';
import { newUser } from '../support/principals';
import { badRequest, call, refused } from '../support/wire';

jest.setTimeout(60_000);

const daemonWith = bothStores();

const specs = [
  { spec: 'HMAC_224', algorithm: 'HMAC_SHA_224', hash: 'sha224', bytes: 28 },
  { spec: 'HMAC_256', algorithm: 'HMAC_SHA_256', hash: 'sha256', bytes: 32 },
  { spec: 'HMAC_384', algorithm: 'HMAC_SHA_384', hash: 'sha384', bytes: 48 },
  { spec: 'HMAC_512', algorithm: 'HMAC_SHA_512', hash: 'sha512', bytes: 64 },
] as const;

const ofSpec = (KeySpec: KeySpec): CreateKeyCommandInput => ({
  ...{ KeySpec, KeyUsage: 'GENERATE_VERIFY_MAC' },
});
const Message = Buffer.from('a message');
interface What {
  readonly message?: Buffer;
  readonly MacAlgorithm?: MacAlgorithmSpec;
}

const HMAC_SHA_256 = { MacAlgorithm: 'HMAC_SHA_256' } as const;

async function generate(
  kms: KMSClient,
  KeyId: string,
  { message = Message, MacAlgorithm = 'HMAC_SHA_256' }: What = {},
): Promise<Buffer> {
  const input = { KeyId, Message: message, MacAlgorithm };
  return Buffer.from((await kms.send(new GenerateMacCommand(input))).Mac ?? []);
}

const verify = (
  kms: KMSClient,
  KeyId: string,
  Mac: Buffer,
  { message = Message, MacAlgorithm = 'HMAC_SHA_256' }: What = {},
) => kms.send(new VerifyMacCommand({ KeyId, Message: message, MacAlgorithm, Mac }));

const invalidMac = { code: 'KMSInvalidMacException', message: '', status: 400 };

describe.each(storages)('HMAC keys whose material is %s', (storage) => {
  let kms: KMSClient;
  beforeAll(() => {
    kms = daemonWith(storage).client();
  });

  describe.each(specs)('of $spec', ({ spec, algorithm: MacAlgorithm, hash, bytes }) => {
    test('make a MAC that they verify, and no other key of the spec does', async () => {
      const [key, other] = [await createKey(kms, ofSpec(spec)), await createKey(kms, ofSpec(spec))];
      const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: key.id }));
      expect(KeyMetadata).toMatchObject({ KeySpec: spec, MacAlgorithms: [MacAlgorithm] });
      const mac = await generate(kms, key.id, { MacAlgorithm });
      expect(mac).toHaveLength(bytes);
      expect(await generate(kms, key.id, { MacAlgorithm })).toEqual(mac);
      const { $metadata, ...answer } = await verify(kms, key.id, mac, { MacAlgorithm });
      expect(answer).toEqual({ KeyId: key.arn, MacValid: true, MacAlgorithm });
      expect($metadata.httpStatusCode).toBe(200);
      expect(await generate(kms, other.id, { MacAlgorithm })).not.toEqual(mac);
      expect(await sdkRefusal(verify(kms, other.id, mac, { MacAlgorithm }))).toEqual(invalidMac);
    });

    test('make of imported material the MAC that OpenSSL makes of it', async () => {
      const key = await createExternalKey(kms, ofSpec(spec));
      const material = randomBytes(bytes);
      await importMaterial(kms, key.id, { material });
      for (const length of [1, 63, 64, 65, 128, 129, 4096]) {
        const message = randomBytes(length);
        const mac = createHmac(hash, material).update(message).digest();
        expect(await generate(kms, key.id, { message, MacAlgorithm })).toEqual(mac);
        await verify(kms, key.id, mac, { message, MacAlgorithm });
      }
    });
  });
});

describe('GenerateMac and VerifyMac', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  let mac: Buffer;
  beforeAll(async () => {
    daemon = daemonWith('resident');
    kms = daemon.client();
    key = await createKey(kms, ofSpec('HMAC_256'));
    mac = await generate(kms, key.id);
  });

  const request = (more: object = {}) => ({
    ...{ KeyId: key.id, Message: Message.toString('base64'), ...HMAC_SHA_256, ...more },
  });
  const verification = (more: object = {}) => request({ Mac: mac.toString('base64'), ...more });

  test('take the key by id, ARN and alias, and answer its ARN', async () => {
    const AliasName = 'alias/mac';
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: key.id }));
    const aliasArn = key.arn.replace(/key\/.*/, AliasName);
    for (const KeyId of [key.id, key.arn, AliasName, aliasArn]) {
      const { $metadata: _, ...made } = await kms.send(
        new GenerateMacCommand({ KeyId, Message, ...HMAC_SHA_256 }),
      );
      expect({ ...made, Mac: Buffer.from(made.Mac!) }).toEqual({
        ...{ KeyId: key.arn, Mac: mac },
        ...HMAC_SHA_256,
      });
      expect((await verify(kms, KeyId, mac)).KeyId).toBe(key.arn);
    }
  });

  test('A MAC of another message, key, content or length is refused without a word', async () => {
    const last = mac.length - 1;
    const flipped = Buffer.from(mac);
    flipped[last] = (flipped[last] ?? 0) ^ 1;
    for (const wrong of [
      flipped,
      mac.subarray(0, last),
      mac.subarray(1),
      Buffer.concat([mac, Buffer.of(0)]),
      Buffer.of(0),
      Buffer.alloc(32),
      Buffer.alloc(6144),
      createHmac('sha512', 'k').update(Message).digest(),
    ]) {
      const { text, status } = await call(
        daemon,
        'VerifyMac',
        verification({ Mac: wrong.toString('base64') }),
      );
      expect([status, text]).toEqual([400, '{"__type":"KMSInvalidMacException"}']);
    }
    const other = Buffer.from('another message');
    expect(await sdkRefusal(verify(kms, key.id, mac, { message: other }))).toEqual(invalidMac);
  });

  test('Sizes and algorithms are checked before the key is looked for', async () => {
    const missing = { KeyId: '00000000-1111-4222-8333-444444444444' };
    const tooShort = (member: string) =>
      badRequest(
        'ValidationException',
        `1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must have length greater than or equal to 1`,
      );
    const tooLong = (member: string, limit: number) =>
      badRequest(
        'ValidationException',
        `1 validation error detected: Value at '${member}' failed to satisfy constraint: Member must have length less than or equal to ${limit}`,
      );
    const zeros = (length: number) => Buffer.alloc(length).toString('base64');
    for (const [operation, whole] of [
      ['GenerateMac', request(missing)],
      ['VerifyMac', verification(missing)],
    ] as const) {
      const ask = (more: object) => refused(daemon, operation, { ...whole, ...more });
      expect(await ask({ Message: '' })).toEqual(tooShort('message'));
      expect(await ask({ Message: zeros(4097) })).toEqual(tooLong('message', 4096));
      expect(await ask({ MacAlgorithm: 'HMAC_SHA_1' })).toEqual(
        badRequest(
          'ValidationException',
          "1 validation error detected: Value 'HMAC_SHA_1' at 'macAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512]",
        ),
      );
      // What is in a sensitive member is not told, nor that it is nothing.
      for (const [member, what] of [
        ['MacAlgorithm', "Value null at 'macAlgorithm'"],
        ['Message', "Value at 'message'"],
      ] as const) {
        expect(await ask({ [member]: undefined })).toEqual(
          badRequest(
            'ValidationException',
            `1 validation error detected: ${what} failed to satisfy constraint: Member must not be null`,
          ),
        );
      }
    }
    const ask = (more: object) =>
      refused(daemon, 'VerifyMac', verification({ ...missing, ...more }));
    expect(await ask({ Mac: '' })).toMatchObject({ __type: 'ValidationException' });
    expect(await ask({ Mac: zeros(6145) })).toMatchObject({ __type: 'ValidationException' });
  });

  test('An algorithm of another spec is refused, and so is a key of another usage', async () => {
    const symmetric = await createKey(kms);
    const signing = await createKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
    for (const [operation, whole] of [
      ['GenerateMac', request()],
      ['VerifyMac', verification()],
    ] as const) {
      for (const { algorithm: MacAlgorithm, spec } of specs) {
        if (spec === 'HMAC_256') continue;
        expect(await refused(daemon, operation, { ...whole, MacAlgorithm })).toEqual(
          badRequest(
            'InvalidKeyUsageException',
            `Algorithm ${MacAlgorithm} is incompatible with key spec HMAC_256.`,
          ),
        );
      }
      for (const [other, usage] of [
        [symmetric, 'ENCRYPT_DECRYPT'],
        [signing, 'SIGN_VERIFY'],
      ] as const) {
        const input = { ...whole, KeyId: other.id };
        expect(await refused(daemon, operation, input)).toEqual(
          badRequest(
            'InvalidKeyUsageException',
            `${other.arn} key usage is ${usage} which is not valid for ${operation}.`,
          ),
        );
      }
    }
  });

  test('A dry run says what would be, of a wrong MAC too, and is checked as any request', async () => {
    const DryRun = true;
    const wouldSucceed = badRequest(
      'DryRunOperationException',
      'The request would have succeeded, but the DryRun option is set.',
    );
    expect(await refused(daemon, 'GenerateMac', request({ DryRun }))).toEqual(wouldSucceed);
    expect(await refused(daemon, 'VerifyMac', verification({ DryRun }))).toEqual(wouldSucceed);
    const wrong = verification({ DryRun, Mac: 'YQ==' });
    expect(await refused(daemon, 'VerifyMac', wrong)).toEqual(badRequest('KMSInvalidMacException'));
    const MacAlgorithm = 'HMAC_SHA_512';
    expect(await refused(daemon, 'GenerateMac', request({ DryRun, MacAlgorithm }))).toEqual(
      badRequest(
        'InvalidKeyUsageException',
        'Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.',
      ),
    );
  });

  test('A disabled key makes none, and the same again when it is enabled', async () => {
    const { id: KeyId, arn } = await createKey(kms, ofSpec('HMAC_384'));
    const algorithm = { MacAlgorithm: 'HMAC_SHA_384' } as const;
    const before = await generate(kms, KeyId, algorithm);
    await kms.send(new DisableKeyCommand({ KeyId }));
    const disabled = { code: 'DisabledException', message: `${arn} is disabled.`, status: 400 };
    expect(await sdkRefusal(generate(kms, KeyId, algorithm))).toEqual(disabled);
    expect(await sdkRefusal(verify(kms, KeyId, before, algorithm))).toEqual(disabled);
    await kms.send(new EnableKeyCommand({ KeyId }));
    expect(await generate(kms, KeyId, algorithm)).toEqual(before);
  });

  test('Imported material that is deleted makes none, and the same again when it is back', async () => {
    const { id: KeyId, arn } = await createExternalKey(kms, ofSpec('HMAC_256'));
    const material = randomBytes(32);
    const parameters = await getParameters(kms, KeyId);
    const pending = { code: 'KMSInvalidStateException', message: `${arn} is pending import.` };
    expect(await sdkRefusal(generate(kms, KeyId))).toMatchObject(pending);
    await importMaterial(kms, KeyId, { material, parameters });
    const before = await generate(kms, KeyId);
    await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
    expect(await sdkRefusal(generate(kms, KeyId))).toMatchObject(pending);
    expect(await sdkRefusal(verify(kms, KeyId, before))).toMatchObject(pending);
    await importMaterial(kms, KeyId, { material, parameters });
    expect(await generate(kms, KeyId)).toEqual(before);
  });

  test('A grant of one of the two allows that one alone', async () => {
    const alice = await newUser(daemon, 'alice');
    const denied = (action: string) => ({
      code: 'AccessDeniedException',
      message: `User: ${alice.arn} is not authorized to perform: ${action} on resource: ${key.arn} because no identity-based policy allows the ${action} action`,
      status: 400,
    });
    const grant = (Operations: ('GenerateMac' | 'VerifyMac')[]) =>
      kms.send(new CreateGrantCommand({ KeyId: key.id, GranteePrincipal: alice.arn, Operations }));
    expect(await sdkRefusal(generate(alice.kms, key.id))).toEqual(denied('kms:GenerateMac'));
    await grant(['VerifyMac']);
    await verify(alice.kms, key.id, mac);
    expect(await sdkRefusal(generate(alice.kms, key.id))).toEqual(denied('kms:GenerateMac'));
    await grant(['GenerateMac']);
    expect(await generate(alice.kms, key.id)).toEqual(mac);
  });

  test('Another account uses the key where its policy says so', async () => {
    const stranger = clientOf(daemon, await otherAccount(daemon, '444455556666'));
    const denied = { code: 'AccessDeniedException', status: 400 };
    expect(await sdkRefusal(generate(stranger, key.arn))).toMatchObject(denied);
    const Statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    const open = await createKey(kms, { ...ofSpec('HMAC_256'), Policy });
    const made = await generate(stranger, open.arn);
    expect(await generate(kms, open.id)).toEqual(made);
    expect((await verify(stranger, open.arn, made)).KeyId).toBe(open.arn);
  });

  test('The AWS CLI makes a MAC and verifies it', async () => {
    const terminal = await openTerminal(daemon);
    try {
      await writeFile(path.join(terminal.directory, 'message'), Message);
      const named = ['--key-id', key.id, '--mac-algorithm', 'HMAC_SHA_256'];
      const message = ['--message', 'fileb://message'];
      const made = await terminal.kms('generate-mac', ...named, ...message);
      expect(JSON.parse(made.stdout)).toEqual({
        ...{ Mac: mac.toString('base64'), ...HMAC_SHA_256, KeyId: key.arn },
      });
      await writeFile(path.join(terminal.directory, 'mac'), mac);
      const verified = await terminal.kms(
        ...['verify-mac', ...named, ...message, '--mac', 'fileb://mac'],
      );
      expect(JSON.parse(verified.stdout)).toEqual({
        ...{ KeyId: key.arn, MacValid: true, ...HMAC_SHA_256 },
      });
      const wrong = await terminal.kms(
        ...['verify-mac', ...named, ...message, '--mac', 'fileb://message'],
      );
      expect(wrong.stderr).toContain(
        'An error occurred (KMSInvalidMacException) when calling the VerifyMac operation:',
      );
    } finally {
      await terminal.close();
    }
  });
});
