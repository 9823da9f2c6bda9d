import {
  DecryptCommand,
  DisableKeyCommand,
  EncryptCommand,
  type KMSClient,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, putIntoState } from '../support/kms';
import { accessDenied, badRequest, refused } from '../support/wire';

const Plaintext = Buffer.from('attack at dawn');
const SourceEncryptionContext = { at: 'source' };
const DestinationEncryptionContext = { at: 'destination' };

describe('ReEncrypt', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let source: NewKey;
  let destination: NewKey;
  let CiphertextBlob: Uint8Array;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    source = await createKey(kms);
    destination = await createKey(kms);
    CiphertextBlob = await sealUnder(source);
  });
  afterAll(() => daemon.remove());

  const sealUnder = async (key: NewKey): Promise<Uint8Array> => {
    const EncryptionContext = SourceEncryptionContext;
    const input = { KeyId: key.id, Plaintext, EncryptionContext };
    return (await kms.send(new EncryptCommand(input))).CiphertextBlob!;
  };
  const reEncryptRefused = (input: object) =>
    refused(daemon, 'ReEncrypt', {
      CiphertextBlob: Buffer.from(CiphertextBlob).toString('base64'),
      SourceEncryptionContext,
      DestinationKeyId: destination.id,
      ...input,
    });

  test('A ciphertext passes to another key and another context, and back to its own key', async () => {
    const contexts = { SourceEncryptionContext, DestinationEncryptionContext };
    const {
      $metadata: _,
      CiphertextBlob: moved,
      ...answer
    } = await kms.send(
      new ReEncryptCommand({ CiphertextBlob, DestinationKeyId: destination.arn, ...contexts }),
    );
    expect(answer).toEqual({
      SourceKeyId: source.arn,
      KeyId: destination.arn,
      SourceEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      DestinationEncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
      SourceKeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
      DestinationKeyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) as string,
    });
    const opened = await kms.send(
      new DecryptCommand({
        CiphertextBlob: moved,
        EncryptionContext: DestinationEncryptionContext,
      }),
    );
    expect(opened.KeyId).toBe(destination.arn);
    expect(Buffer.from(opened.Plaintext!)).toEqual(Plaintext);
    const same = await kms.send(
      new ReEncryptCommand({
        CiphertextBlob: moved,
        SourceKeyId: destination.id,
        SourceEncryptionContext: DestinationEncryptionContext,
        DestinationKeyId: destination.id,
      }),
    );
    expect(same.SourceKeyMaterialId).toBe(same.DestinationKeyMaterialId);
    await kms.send(new DecryptCommand({ CiphertextBlob: same.CiphertextBlob }));
  });

  test('A source key that did not make the ciphertext is incorrect', async () => {
    expect(await reEncryptRefused({ SourceKeyId: destination.id })).toEqual(
      badRequest(
        'IncorrectKeyException',
        'The key ID in the request does not identify a CMK that can perform this operation.',
      ),
    );
  });

  test('The wrong source context and garbage are invalid ciphertexts', async () => {
    for (const input of [{ SourceEncryptionContext: {} }, { CiphertextBlob: 'Z2FyYmFnZQ==' }]) {
      expect(await reEncryptRefused(input)).toEqual(badRequest('InvalidCiphertextException'));
      expect(await reEncryptRefused({ ...input, SourceKeyId: source.id })).toEqual(
        badRequest('InvalidCiphertextException'),
      );
    }
  });

  test('A destination that is nowhere is not found, and one that is missing is null', async () => {
    const id = '00000000-1111-2222-3333-444444444444';
    expect(await reEncryptRefused({ DestinationKeyId: id })).toEqual(
      badRequest('NotFoundException', `Key '${source.arn.replace(source.id, id)}' does not exist`),
    );
    expect(await reEncryptRefused({ DestinationKeyId: undefined })).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value null at 'destinationKeyId' failed to satisfy constraint: Member must not be null",
      ),
    );
  });

  test('Either key out of use refuses, with the ARN of that key', async () => {
    const dying = await createKey(kms);
    await putIntoState(daemon, dying.id, 'PendingDeletion');
    expect(await reEncryptRefused({ DestinationKeyId: dying.id })).toEqual(
      badRequest('KMSInvalidStateException', `${dying.arn} is pending deletion.`),
    );
    const disabled = await createKey(kms);
    const sealed = Buffer.from(await sealUnder(disabled)).toString('base64');
    await kms.send(new DisableKeyCommand({ KeyId: disabled.id }));
    for (const input of [{ CiphertextBlob: sealed }, { DestinationKeyId: disabled.id }]) {
      expect(await reEncryptRefused(input)).toEqual(
        badRequest('DisabledException', `${disabled.arn} is disabled.`),
      );
    }
  });

  test('An algorithm of another kind of key does not fit', async () => {
    const refusal = badRequest(
      'InvalidKeyUsageException',
      'Algorithm RSAES_OAEP_SHA_1 is incompatible with key spec SYMMETRIC_DEFAULT.',
    );
    const algorithm = 'RSAES_OAEP_SHA_1';
    expect(await reEncryptRefused({ SourceEncryptionAlgorithm: algorithm })).toEqual(refusal);
    expect(await reEncryptRefused({ DestinationEncryptionAlgorithm: algorithm })).toEqual(refusal);
  });

  test('ReEncryptFrom is asked of the source key and ReEncryptTo of the destination', async () => {
    const principal = { AWS: `arn:aws:iam::${daemon.accountId}:root` };
    const allow = { Effect: 'Allow', Principal: principal, Action: 'kms:*', Resource: '*' };
    const denying = (action: string) =>
      JSON.stringify({ Statement: [allow, { ...allow, Effect: 'Deny', Action: action }] });
    const noFrom = await createKey(kms, { Policy: denying('kms:ReEncryptFrom') });
    const noTo = await createKey(kms, { Policy: denying('kms:ReEncryptTo') });
    const denied = (action: string, { arn }: NewKey) =>
      accessDenied(
        `User: arn:aws:iam::${daemon.accountId}:root is not authorized to perform: ${action} on resource: ${arn} with an explicit deny in a resource-based policy`,
      );
    expect(await reEncryptRefused({ DestinationKeyId: noTo.id })).toEqual(
      denied('kms:ReEncryptTo', noTo),
    );
    const sealed = Buffer.from(await sealUnder(noFrom)).toString('base64');
    expect(await reEncryptRefused({ CiphertextBlob: sealed, SourceKeyId: noFrom.id })).toEqual(
      denied('kms:ReEncryptFrom', noFrom),
    );
    // Each key serves on the other side.
    const moved = await kms.send(
      new ReEncryptCommand({
        CiphertextBlob,
        SourceEncryptionContext,
        DestinationKeyId: noFrom.id,
      }),
    );
    expect(moved.KeyId).toBe(noFrom.arn);
  });
});
