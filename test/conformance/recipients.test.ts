import { createPrivateKey, createPublicKey, diffieHellman, generateKeyPairSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import path from 'node:path';
import {
  CreateGrantCommand,
  DecryptCommand,
  DeriveSharedSecretCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
  GetPublicKeyCommand,
  type KMSClient,
  PutKeyPolicyCommand,
} from '@aws-sdk/client-kms';
import { defaultKeyPolicy } from '../../src/policy/compile';
import { enclaveId, ofNitroTpm, pcrHex } from '../support/attestation';
import { openTerminal } from '../support/aws-cli';
import { document } from '../support/condition-stage';
import type { TestDaemon } from '../support/daemon';
import {
  type NewKey,
  auditOf,
  clientOf,
  createKey,
  otherAccount,
  sdkRefusal,
} from '../support/kms';
import { newUser } from '../support/principals';
import {
  type RecipientStage,
  type TestRecipient,
  encryptionContext,
  openRecipientStage,
  plaintext,
} from '../support/recipients';
import { place } from '../support/sample-keys';
import { refused } from '../support/wire';

jest.setTimeout(60_000);

let stage: RecipientStage;
let daemon: TestDaemon;
let kms: KMSClient;
let key: NewKey;
let recipient: TestRecipient;
beforeAll(async () => {
  stage = await openRecipientStage();
  ({ daemon, kms, key, recipient } = stage);
});
afterAll(() => stage.close());

const Plaintext = plaintext;
const EncryptionContext = encryptionContext;
const decrypt = (client = kms, more: object = {}) =>
  client.send(
    new DecryptCommand({
      ...{ CiphertextBlob: stage.sealed, EncryptionContext, Recipient: recipient.info(), ...more },
    }),
  );

/** The members of an answer. */
const membersOf = ({ $metadata: _, ...answer }: { readonly $metadata: object }): string[] =>
  Object.keys(answer).sort();

describe('A recipient alone can read', () => {
  test('what Decrypt opens', async () => {
    const answer = await decrypt();
    expect(membersOf(answer)).toEqual(['CiphertextForRecipient', 'EncryptionAlgorithm', 'KeyId']);
    expect(answer).toMatchObject({ KeyId: key.arn, EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' });
    expect(recipient.open(answer.CiphertextForRecipient)).toEqual(Plaintext);
  });

  test('what Decrypt opens with an RSA key', async () => {
    const rsa = await createKey(kms, { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
    const named = { KeyId: rsa.id, EncryptionAlgorithm: 'RSAES_OAEP_SHA_256' } as const;
    const sealed = await kms.send(new EncryptCommand({ ...named, Plaintext }));
    const answer = await kms.send(
      new DecryptCommand({
        ...{ ...named, CiphertextBlob: sealed.CiphertextBlob, Recipient: recipient.info() },
      }),
    );
    expect(membersOf(answer)).toEqual(['CiphertextForRecipient', 'EncryptionAlgorithm', 'KeyId']);
    expect(recipient.open(answer.CiphertextForRecipient)).toEqual(Plaintext);
  });

  test.each([1, 16, 1024])('the data key of %i bytes that GenerateDataKey makes', async (bytes) => {
    const input = { KeyId: key.id, NumberOfBytes: bytes, EncryptionContext };
    const answer = await kms.send(
      new GenerateDataKeyCommand({ ...input, Recipient: recipient.info() }),
    );
    expect(membersOf(answer)).toEqual(['CiphertextBlob', 'CiphertextForRecipient', 'KeyId']);
    const opened = recipient.open(answer.CiphertextForRecipient);
    expect(opened).toHaveLength(bytes);
    const { Plaintext: same } = await decrypt(kms, {
      ...{ CiphertextBlob: answer.CiphertextBlob, Recipient: undefined },
    });
    expect(Buffer.from(same!)).toEqual(opened);
  });

  test('the private key that GenerateDataKeyPair makes', async () => {
    const input = { KeyId: key.id, KeyPairSpec: 'ECC_NIST_P256', EncryptionContext } as const;
    const answer = await kms.send(
      new GenerateDataKeyPairCommand({ ...input, Recipient: recipient.info() }),
    );
    expect(membersOf(answer)).toEqual([
      ...['CiphertextForRecipient', 'KeyId', 'KeyMaterialId', 'KeyPairSpec'],
      ...['PrivateKeyCiphertextBlob', 'PublicKey'],
    ]);
    const opened = recipient.open(answer.CiphertextForRecipient);
    const privateKey = createPrivateKey({ key: opened, type: 'pkcs8', format: 'der' });
    const publicKey = createPublicKey(privateKey).export({ type: 'spki', format: 'der' });
    expect(publicKey).toEqual(Buffer.from(answer.PublicKey!));
    const { Plaintext: same } = await decrypt(kms, {
      ...{ CiphertextBlob: answer.PrivateKeyCiphertextBlob, Recipient: undefined },
    });
    expect(Buffer.from(same!)).toEqual(opened);
  });

  test.each([1, 1024])('the %i bytes that GenerateRandom makes', async (NumberOfBytes) => {
    const answer = await kms.send(
      new GenerateRandomCommand({ NumberOfBytes, Recipient: recipient.info() }),
    );
    expect(membersOf(answer)).toEqual(['CiphertextForRecipient']);
    expect(recipient.open(answer.CiphertextForRecipient)).toHaveLength(NumberOfBytes);
  });

  test('what DeriveSharedSecret derives', async () => {
    const peer = generateKeyPairSync('ec', { namedCurve: 'P-256' });
    const PublicKey = peer.publicKey.export({ type: 'spki', format: 'der' });
    const answer = await kms.send(
      new DeriveSharedSecretCommand({
        ...{ KeyId: stage.agreement.id, PublicKey, KeyAgreementAlgorithm: 'ECDH' },
        Recipient: recipient.info(),
      }),
    );
    expect(membersOf(answer)).toEqual([
      ...['CiphertextForRecipient', 'KeyAgreementAlgorithm', 'KeyId', 'KeyOrigin'],
    ]);
    const own = await kms.send(new GetPublicKeyCommand({ KeyId: stage.agreement.id }));
    const publicKey = createPublicKey({
      ...{ key: Buffer.from(own.PublicKey!), type: 'spki', format: 'der' },
    });
    expect(recipient.open(answer.CiphertextForRecipient)).toEqual(
      diffieHellman({ privateKey: peer.privateKey, publicKey }),
    );
  });

  test('a NitroTPM as well as an enclave', async () => {
    const { CiphertextForRecipient } = await decrypt(kms, {
      Recipient: recipient.info(ofNitroTpm),
    });
    expect(recipient.open(CiphertextForRecipient)).toEqual(Plaintext);
  });

  test('with the AWS CLI and the openssl command', async () => {
    const terminal = await openTerminal(daemon);
    const file = (name: string) => path.join(terminal.directory, name);
    await writeFile(file('document.cbor'), recipient.document());
    await writeFile(file('blob'), stage.sealed);
    await writeFile(
      file('recipient.pem'),
      recipient.privateKey.export({ type: 'pkcs8', format: 'pem' }),
    );
    const members =
      'KeyEncryptionAlgorithm=RSAES_OAEP_SHA_256,AttestationDocument@=fileb://document.cbor';
    const answered = await terminal.kms(
      ...['decrypt', '--ciphertext-blob', 'fileb://blob', '--recipient', members],
      ...['--encryption-context', JSON.stringify(EncryptionContext)],
      ...['--query', 'CiphertextForRecipient', '--output', 'text'],
    );
    expect(answered).toMatchObject({ code: 0, stderr: '' });
    await writeFile(file('sealed.der'), Buffer.from(answered.stdout, 'base64'));
    expect(
      await terminal.run('openssl', [
        ...['cms', '-decrypt', '-inform', 'DER', '-in', 'sealed.der', '-inkey', 'recipient.pem'],
      ]),
    ).toEqual({ code: 0, stdout: Plaintext.toString(), stderr: '' });
    await terminal.close();
  });
});

test('GenerateDataKeyWithoutPlaintext knows no recipient, as no other operation does', async () => {
  const input = { KeyId: key.id, KeySpec: 'AES_256', Recipient: { AttestationDocument: 'YQ==' } };
  expect(await refused(daemon, 'GenerateDataKeyWithoutPlaintext', input)).toMatchObject({
    status: 200,
  });
});

describe('A recipient', () => {
  test('gets what a grant lets its caller do', async () => {
    const grantee = await newUser(daemon, 'grantee');
    await kms.send(
      new CreateGrantCommand({
        ...{ KeyId: key.id, GranteePrincipal: grantee.arn, Operations: ['Decrypt'] },
        Constraints: { EncryptionContextEquals: EncryptionContext },
      }),
    );
    const answer = await decrypt(grantee.kms);
    expect(recipient.open(answer.CiphertextForRecipient)).toEqual(Plaintext);
  });

  test('gets what its caller may do with the key of another account', async () => {
    const account = '444455556666';
    const visitor = clientOf(daemon, await otherAccount(daemon, account));
    const shared = await createKey(kms);
    const { Statement } = JSON.parse(defaultKeyPolicy(place, daemon.accountId)) as {
      Statement: object[];
    };
    const mayDecrypt = {
      ...{ Effect: 'Allow', Principal: { AWS: account }, Action: 'kms:Decrypt', Resource: '*' },
      Condition: {
        StringEqualsIgnoreCase: { 'kms:RecipientAttestation:ImageSha384': pcrHex(0).toUpperCase() },
      },
    };
    await kms.send(
      new PutKeyPolicyCommand({ KeyId: shared.id, Policy: document([...Statement, mayDecrypt]) }),
    );
    const sealed = await kms.send(new EncryptCommand({ KeyId: shared.id, Plaintext }));
    const more = { CiphertextBlob: sealed.CiphertextBlob, EncryptionContext: undefined };
    const answer = await decrypt(visitor, more);
    expect(recipient.open(answer.CiphertextForRecipient)).toEqual(Plaintext);
    expect(await sdkRefusal(decrypt(visitor, { ...more, Recipient: undefined }))).toMatchObject({
      code: 'AccessDeniedException',
    });
    const record = await auditOf(daemon, answer.$metadata.requestId!);
    expect(record).toMatchObject({
      additionalEventData: { recipient: { attestationDocumentModuleId: enclaveId } },
    });
  });
});
