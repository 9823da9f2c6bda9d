import { hash } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CreateAliasCommand,
  CreateGrantCommand,
  DisableKeyCommand,
  GetKeyLastUsageCommand,
  GetPublicKeyCommand,
  type KMSClient,
  type KeySpec,
  SignCommand,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import {
  type NewKey,
  auditTexts,
  clientOf,
  createKey,
  otherAccount,
  sdkRefusal,
} from '../support/kms';
import { signedAndVerified } from '../support/kms-signing';
import { newUser } from '../support/principals';
import { Message, rsaAlgorithms, verifiedByOpenSsl } from '../support/signing-keys';
import { badRequest, call, refused } from '../support/wire';

/** RSA keys of 4096 bits take seconds to make. */
jest.setTimeout(120_000);

const P256 = { SigningAlgorithm: 'ECDSA_SHA_256' } as const;
const both = ['Sign', 'Verify'] as const;

describe('Requests of Sign and Verify', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  const keys = new Map<KeySpec, NewKey>();
  let signature: Buffer;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    for (const KeySpec of ['ECC_NIST_P256', 'RSA_2048', 'ECC_NIST_EDWARDS25519'] as const) {
      keys.set(KeySpec, await createKey(kms, { KeySpec, KeyUsage: 'SIGN_VERIFY' }));
    }
    signature = await sign(kms, keyOf('ECC_NIST_P256').id);
  });
  afterAll(() => daemon.remove());

  const keyOf = (spec: KeySpec): NewKey => keys.get(spec) ?? { id: '', arn: '' };
  const p256 = (): NewKey => keyOf('ECC_NIST_P256');
  const sign = async (client: KMSClient, KeyId: string): Promise<Buffer> =>
    Buffer.from((await client.send(new SignCommand({ KeyId, Message, ...P256 }))).Signature ?? []);
  const verify = (client: KMSClient, KeyId: string, Signature = signature) =>
    client.send(new VerifyCommand({ KeyId, Message, Signature, ...P256 }));

  /** A request that succeeds, but for what is different. */
  const request = (operation: string, different: object = {}): object => ({
    ...{ KeyId: p256().id, Message: Message.toString('base64'), ...P256 },
    ...(operation === 'Verify' && { Signature: signature.toString('base64') }),
    ...different,
  });
  const ask = (operation: string, different: object) =>
    refused(daemon, operation, request(operation, different));
  const zeros = (length: number) => Buffer.alloc(length).toString('base64');
  const invalid = (message: string) => badRequest('ValidationException', message);
  const violation = (text: string) => invalid(`1 validation error detected: ${text}`);
  const tooShort = (member: string) =>
    violation(
      `Value at '${member}' failed to satisfy constraint: Member must have length greater than or equal to 1`,
    );
  const tooLong = (member: string, limit: number) =>
    violation(
      `Value at '${member}' failed to satisfy constraint: Member must have length less than or equal to ${limit}`,
    );

  test.each(both)(
    'of %s have their form checked before the key is looked for',
    async (operation) => {
      const missing = { KeyId: '00000000-1111-4222-8333-444444444444' };
      const asked = (different: object) => ask(operation, { ...missing, ...different });
      expect(await asked({ Message: '' })).toEqual(tooShort('message'));
      expect(await asked({ Message: zeros(4097) })).toEqual(tooLong('message', 4096));
      expect(await asked({ MessageType: 'raw' })).toEqual(
        violation(
          "Value 'raw' at 'messageType' failed to satisfy constraint: Member must satisfy enum value set: [RAW, DIGEST, EXTERNAL_MU]",
        ),
      );
      expect(await asked({ SigningAlgorithm: 'SYMMETRIC_DEFAULT' })).toEqual(
        violation(
          "Value 'SYMMETRIC_DEFAULT' at 'signingAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [RSASSA_PSS_SHA_256, RSASSA_PSS_SHA_384, RSASSA_PSS_SHA_512, RSASSA_PKCS1_V1_5_SHA_256, RSASSA_PKCS1_V1_5_SHA_384, RSASSA_PKCS1_V1_5_SHA_512, ECDSA_SHA_256, ECDSA_SHA_384, ECDSA_SHA_512, ED25519_SHA_512, ED25519_PH_SHA_512, SM2DSA, ML_DSA_SHAKE_256]",
        ),
      );
      for (const [member, value] of [
        ['KeyId', "null at 'keyId'"],
        // Of a secret AWS does not say so.
        ['Message', "at 'message'"],
        ['SigningAlgorithm', "null at 'signingAlgorithm'"],
      ] as const) {
        expect(await asked({ [member]: undefined })).toEqual(
          violation(`Value ${value} failed to satisfy constraint: Member must not be null`),
        );
      }
      for (const Message of ['not base64', 'YQ', 'YQ=', 'Y-_='] as const) {
        expect(await asked({ Message })).toMatchObject({ __type: 'SerializationException' });
      }
      expect(await asked({ Message: 7 })).toEqual(
        badRequest('SerializationException', 'NUMBER_VALUE cannot be converted to Blob'),
      );
      expect(await asked({})).toEqual(
        badRequest(
          'NotFoundException',
          `Key '${p256().arn.replace(p256().id, missing.KeyId)}' does not exist`,
        ),
      );
    },
  );

  test('of Verify have a signature of 1 to 6144 bytes', async () => {
    expect(await ask('Verify', { Signature: undefined })).toEqual(
      violation("Value null at 'signature' failed to satisfy constraint: Member must not be null"),
    );
    expect(await ask('Verify', { Signature: '' })).toEqual(tooShort('signature'));
    expect(await ask('Verify', { Signature: zeros(6145) })).toEqual(tooLong('signature', 6144));
    expect(await ask('Verify', { Signature: zeros(6144) })).toEqual(
      badRequest('KMSInvalidSignatureException'),
    );
  });

  test.each(both)(
    'of %s name a key whose usage and state are right, in this order',
    async (operation) => {
      const others = [
        [{}, 'ENCRYPT_DECRYPT'],
        [{ KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' }, 'ENCRYPT_DECRYPT'],
        [{ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }, 'GENERATE_VERIFY_MAC'],
        [{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }, 'KEY_AGREEMENT'],
      ] as const;
      for (const [input, usage] of others) {
        const { id: KeyId, arn } = await createKey(kms, input);
        const refusal = badRequest(
          'InvalidKeyUsageException',
          `${arn} key usage is ${usage} which is not valid for ${operation}.`,
        );
        expect(await ask(operation, { KeyId })).toEqual(refusal);
        await kms.send(new DisableKeyCommand({ KeyId }));
        expect(await ask(operation, { KeyId })).toEqual(refusal);
      }
      const { id: KeyId, arn } = await createKey(kms, {
        ...{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
      });
      await kms.send(new DisableKeyCommand({ KeyId }));
      for (const wrong of [{}, { SigningAlgorithm: 'ECDSA_SHA_384' }, { MessageType: 'DIGEST' }]) {
        expect(await ask(operation, { KeyId, ...wrong })).toEqual(
          badRequest('DisabledException', `${arn} is disabled.`),
        );
      }
    },
  );

  test.each(both)(
    'of %s have an algorithm of the key, then a type, then a length',
    async (operation) => {
      const wrongAlgorithm = (algorithm: string, spec: string) =>
        badRequest(
          'InvalidKeyUsageException',
          `Algorithm ${algorithm} is incompatible with key spec ${spec}.`,
        );
      for (const [spec, SigningAlgorithm] of [
        ['ECC_NIST_P256', 'ECDSA_SHA_384'],
        ['ECC_NIST_P256', 'SM2DSA'],
        ['RSA_2048', 'ECDSA_SHA_256'],
        ['ECC_NIST_EDWARDS25519', 'ML_DSA_SHAKE_256'],
      ] as const) {
        const { id: KeyId } = keyOf(spec);
        for (const MessageType of ['RAW', 'DIGEST', 'EXTERNAL_MU']) {
          expect(await ask(operation, { KeyId, SigningAlgorithm, MessageType })).toEqual(
            wrongAlgorithm(SigningAlgorithm, spec),
          );
        }
      }
      for (const [spec, SigningAlgorithm, MessageType, fault] of [
        ['ECC_NIST_EDWARDS25519', 'ED25519_SHA_512', 'DIGEST', 'algorithm ED25519_SHA_512'],
        ['ECC_NIST_EDWARDS25519', 'ED25519_PH_SHA_512', 'RAW', 'algorithm ED25519_PH_SHA_512'],
        ['ECC_NIST_P256', 'ECDSA_SHA_256', 'EXTERNAL_MU', 'key spec ECC_NIST_P256'],
        ['RSA_2048', 'RSASSA_PSS_SHA_256', 'EXTERNAL_MU', 'key spec RSA_2048'],
      ] as const) {
        const { id: KeyId } = keyOf(spec);
        expect(await ask(operation, { KeyId, SigningAlgorithm, MessageType })).toEqual(
          invalid(`Message type ${MessageType} is incompatible with ${fault}.`),
        );
      }
      for (const [spec, SigningAlgorithm, length] of [
        ['ECC_NIST_P256', 'ECDSA_SHA_256', 31],
        ['ECC_NIST_P256', 'ECDSA_SHA_256', 33],
        ['RSA_2048', 'RSASSA_PSS_SHA_512', 32],
        ['RSA_2048', 'RSASSA_PKCS1_V1_5_SHA_384', 4096],
        ['ECC_NIST_EDWARDS25519', 'ED25519_PH_SHA_512', 63],
      ] as const) {
        const wrong = { MessageType: 'DIGEST', Message: zeros(length) };
        const { id: KeyId } = keyOf(spec);
        expect(await ask(operation, { KeyId, SigningAlgorithm, ...wrong })).toEqual(
          invalid(`Digest is invalid length for algorithm ${SigningAlgorithm}.`),
        );
      }
    },
  );

  test('that are dry runs end where the token would sign, after the signature was verified', async () => {
    const DryRun = true;
    const wouldSucceed = badRequest(
      'DryRunOperationException',
      'The request would have succeeded, but the DryRun option is set.',
    );
    for (const operation of both) expect(await ask(operation, { DryRun })).toEqual(wouldSucceed);
    expect(await ask('Verify', { DryRun, Signature: 'YQ==' })).toEqual(
      badRequest('KMSInvalidSignatureException'),
    );
    for (const operation of both) {
      expect(await ask(operation, { DryRun, MessageType: 'DIGEST' })).toEqual(
        invalid('Digest is invalid length for algorithm ECDSA_SHA_256.'),
      );
    }
  });

  test('take the key by id, ARN and alias, and are answered with its ARN', async () => {
    const AliasName = 'alias/signer';
    const { id, arn } = p256();
    await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: id }));
    for (const KeyId of [id, arn, AliasName, arn.replace(/key\/.*/, AliasName)]) {
      const made = await sign(kms, KeyId);
      expect((await verify(kms, KeyId, made)).KeyId).toBe(arn);
    }
  });

  test('are allowed by a grant of one of the two that one alone', async () => {
    const alice = await newUser(daemon, 'alice');
    const { id: KeyId, arn } = p256();
    const denied = (action: string) => ({
      code: 'AccessDeniedException',
      message: `User: ${alice.arn} is not authorized to perform: ${action} on resource: ${arn} because no identity-based policy allows the ${action} action`,
      status: 400,
    });
    const grant = (Operations: ('Sign' | 'Verify')[]) =>
      kms.send(new CreateGrantCommand({ KeyId, GranteePrincipal: alice.arn, Operations }));
    expect(await sdkRefusal(sign(alice.kms, KeyId))).toEqual(denied('kms:Sign'));
    expect(await sdkRefusal(verify(alice.kms, KeyId))).toEqual(denied('kms:Verify'));
    await grant(['Verify']);
    expect((await verify(alice.kms, KeyId)).SignatureValid).toBe(true);
    expect(await sdkRefusal(sign(alice.kms, KeyId))).toEqual(denied('kms:Sign'));
    await grant(['Sign']);
    await verify(kms, KeyId, await sign(alice.kms, KeyId));
    const constrained = {
      ...{ KeyId, GranteePrincipal: alice.arn, Operations: ['Sign' as const] },
      Constraints: { EncryptionContextSubset: { a: 'b' } },
    };
    expect(await sdkRefusal(kms.send(new CreateGrantCommand(constrained)))).toEqual({
      code: 'ValidationException',
      message:
        'Encryption context constraints cannot be used with a key with key spec ECC_NIST_P256.',
      status: 400,
    });
  });

  test('are allowed another account by the policy of the key', async () => {
    const stranger = clientOf(daemon, await otherAccount(daemon, '444455556666'));
    for (const sending of [sign(stranger, p256().arn), verify(stranger, p256().arn)]) {
      expect((await sdkRefusal(sending)).code).toBe('AccessDeniedException');
    }
    const Statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
    const open = await createKey(kms, {
      ...{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
      Policy: JSON.stringify({ Version: '2012-10-17', Statement }),
    });
    const made = await sign(stranger, open.arn);
    expect((await verify(stranger, open.arn, made)).KeyId).toBe(open.arn);
    expect((await verify(kms, open.id, made)).KeyId).toBe(open.arn);
  });

  test('are recorded with algorithm and type, and neither message nor signature', async () => {
    const { id: KeyId, arn } = p256();
    const digest = hash('sha256', Message, 'buffer');
    const input = { KeyId, Message: digest, MessageType: 'DIGEST', ...P256 } as const;
    const made = await kms.send(new SignCommand(input));
    const Signature = Buffer.from(made.Signature ?? []);
    const verified = await kms.send(new VerifyCommand({ ...input, Signature }));
    const wrong = { ...request('Verify'), Signature: zeros(70) };
    const failed = await call(daemon, 'Verify', wrong);
    const texts = await auditTexts(daemon);
    const recordOf = (id: unknown) => texts.find((text) => text.includes(String(id))) ?? '{}';
    for (const [eventName, requestId] of [
      ['Sign', made.$metadata.requestId],
      ['Verify', verified.$metadata.requestId],
    ]) {
      expect(JSON.parse(recordOf(requestId))).toMatchObject({
        ...{ eventName, readOnly: true, responseElements: null },
        requestParameters: {
          keyId: KeyId,
          messageType: 'DIGEST',
          signingAlgorithm: 'ECDSA_SHA_256',
        },
        resources: [{ accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN: arn }],
      });
    }
    expect(JSON.parse(recordOf(failed.headers['x-amzn-requestid']))).toMatchObject({
      ...{ eventName: 'Verify', errorCode: 'KMSInvalidSignatureException' },
      requestParameters: { keyId: KeyId, signingAlgorithm: 'ECDSA_SHA_256' },
    });
    const all = texts.join() + JSON.stringify(daemon.log);
    for (const secret of [Message, digest, Signature, signature]) {
      for (const encoding of ['base64', 'hex', 'latin1'] as const) {
        expect(all).not.toContain(secret.toString(encoding));
      }
    }
  });

  test('are uses of the key where they succeed', async () => {
    const { id: KeyId } = await createKey(kms, {
      ...{ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
    });
    const lastUse = async () =>
      (await kms.send(new GetKeyLastUsageCommand({ KeyId }))).KeyLastUsage?.Operation;
    await ask('Sign', { KeyId, DryRun: true });
    await ask('Verify', { KeyId });
    expect(await lastUse()).toBeUndefined();
    const made = await sign(kms, KeyId);
    expect(await lastUse()).toBe('Sign');
    await verify(kms, KeyId, made);
    expect(await lastUse()).toBe('Verify');
  });

  test('are sent by the AWS CLI', async () => {
    const terminal = await openTerminal(daemon);
    try {
      const { id, arn } = p256();
      await writeFile(path.join(terminal.directory, 'message'), Message);
      const named = ['--key-id', id, '--signing-algorithm', 'ECDSA_SHA_256'];
      const message = ['--message', 'fileb://message'];
      const made = await terminal.kms('sign', ...named, ...message);
      const answer = JSON.parse(made.stdout) as { Signature: string };
      expect(answer).toEqual({ KeyId: arn, ...P256, Signature: expect.any(String) as string });
      const blob = Buffer.from(answer.Signature, 'base64');
      await writeFile(path.join(terminal.directory, 'signature'), blob);
      const given = ['--signature', 'fileb://signature'];
      const verified = await terminal.kms('verify', ...named, ...message, ...given);
      expect(JSON.parse(verified.stdout)).toEqual({ KeyId: arn, SignatureValid: true, ...P256 });
      const digest = ['--message-type', 'DIGEST', '--message', 'fileb://digest'];
      await writeFile(path.join(terminal.directory, 'digest'), hash('sha256', 'other', 'buffer'));
      const wrong = await terminal.kms('verify', ...named, ...digest, ...given);
      expect(wrong.stderr).toContain(
        'An error occurred (KMSInvalidSignatureException) when calling the Verify operation:',
      );
    } finally {
      await terminal.close();
    }
  });

  test('for Ed25519ph are refused by name where the token cannot do it', async () => {
    const { id: KeyId } = keyOf('ECC_NIST_EDWARDS25519');
    const input = { KeyId, Message: Buffer.alloc(64, 1), MessageType: 'DIGEST' } as const;
    const signing = kms.send(new SignCommand({ ...input, SigningAlgorithm: 'ED25519_PH_SHA_512' }));
    expect(await sdkRefusal(signing)).toEqual({
      code: 'UnsupportedOperationException',
      message: expect.stringContaining('CKM_EDDSA') as string,
      status: 400,
    });
  });

  test('work with keys of RSA_4096 by every algorithm', async () => {
    const { id: KeyId } = await createKey(kms, { KeySpec: 'RSA_4096', KeyUsage: 'SIGN_VERIFY' });
    const { PublicKey = new Uint8Array() } = await kms.send(new GetPublicKeyCommand({ KeyId }));
    for (const algorithm of rsaAlgorithms) {
      for (const made of await signedAndVerified(kms, KeyId, algorithm)) {
        expect(made).toHaveLength(512);
        expect(verifiedByOpenSsl(algorithm, PublicKey, { signature: made })).toBe(true);
      }
    }
  });
});
