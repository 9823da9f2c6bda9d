import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { EncryptCommand, type KMSClient, type RecipientInfo } from '@aws-sdk/client-kms';
import { type Attester, type Different, makeAttester } from './attestation';
import { openEnvelope } from './attestation-envelope';
import { type TestDaemon, startDaemon } from './daemon';
import { type NewKey, createKey } from './kms';
import { newPublicKey } from './public-keys';

/** Someone with a key pair whom an attester vouches for. */
export interface TestRecipient {
  readonly attester: Attester;
  readonly privateKey: KeyObject;
  /** The key pair's public half: SubjectPublicKeyInfo in DER. */
  readonly publicKey: Buffer;
  /** Settings of a daemon that believes the attester. */
  readonly environment: NodeJS.ProcessEnv;
  /** A document made now. */
  document(different?: Different): Buffer;
  /** With a document made now, as the SDK has it. */
  info(different?: Different): RecipientInfo;
  /** The same as JSON has it. */
  json(different?: Different): Readonly<Record<string, string>>;
  /** CiphertextForRecipient. */
  open(sealed: Uint8Array | undefined): Buffer;
  remove(): Promise<void>;
}

export async function makeRecipient(): Promise<TestRecipient> {
  const directory = await mkdtemp(path.join(tmpdir(), 'claviger-recipient-'));
  const rootsFile = path.join(directory, 'roots.pem');
  const attester = makeAttester();
  await writeFile(rootsFile, attester.rootPem);
  const pair = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const publicKey = pair.publicKey.export({ type: 'spki', format: 'der' });
  const document = (different?: Different): Buffer => attester.document(publicKey, different);
  const KeyEncryptionAlgorithm = 'RSAES_OAEP_SHA_256';
  return {
    attester,
    privateKey: pair.privateKey,
    publicKey,
    environment: { CLAVIGER_ATTESTATION_ROOTS_FILE: rootsFile },
    document,
    info: (different) => ({ KeyEncryptionAlgorithm, AttestationDocument: document(different) }),
    json: (different) => ({
      KeyEncryptionAlgorithm,
      AttestationDocument: document(different).toString('base64'),
    }),
    open: (sealed = Buffer.alloc(0)) => openEnvelope(pair.privateKey, sealed),
    remove: () => rm(directory, { recursive: true }),
  };
}

/** A daemon that believes the attester of a recipient, and what the operations that answer recipients are asked with. */
export interface RecipientStage {
  readonly recipient: TestRecipient;
  readonly daemon: TestDaemon;
  readonly kms: KMSClient;
  readonly key: NewKey;
  /** Of P-256. */
  readonly agreement: NewKey;
  /** `plaintext` under the key, with `encryptionContext`. */
  readonly sealed: Uint8Array;
  /** A request of each operation that answers a recipient, as JSON has it. */
  readonly requests: Readonly<Record<RecipientOperation, Readonly<Record<string, unknown>>>>;
  close(): Promise<void>;
}

export const recipientOperations = [
  'Decrypt',
  'DeriveSharedSecret',
  'GenerateDataKey',
  'GenerateDataKeyPair',
  'GenerateRandom',
] as const;
export type RecipientOperation = (typeof recipientOperations)[number];

export const plaintext = Buffer.from('attack at dawn');
export const encryptionContext = { file: 'invoice.pdf' };

export async function openRecipientStage(): Promise<RecipientStage> {
  const recipient = await makeRecipient();
  const daemon = await startDaemon({ environment: recipient.environment });
  const kms = daemon.client();
  const key = await createKey(kms);
  const agreement = await createKey(kms, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
  const { CiphertextBlob: sealed = new Uint8Array() } = await kms.send(
    new EncryptCommand({
      ...{ KeyId: key.id, Plaintext: plaintext, EncryptionContext: encryptionContext },
    }),
  );
  const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');
  const PublicKey = base64(newPublicKey('P-256'));
  return {
    ...{ recipient, daemon, kms, key, agreement, sealed },
    requests: {
      Decrypt: { CiphertextBlob: base64(sealed), EncryptionContext: encryptionContext },
      DeriveSharedSecret: { KeyId: agreement.id, PublicKey, KeyAgreementAlgorithm: 'ECDH' },
      GenerateDataKey: { KeyId: key.id, KeySpec: 'AES_256' },
      GenerateDataKeyPair: { KeyId: key.id, KeyPairSpec: 'ECC_NIST_P256' },
      GenerateRandom: { NumberOfBytes: 32 },
    },
    close: async () => {
      await daemon.remove();
      await recipient.remove();
    },
  };
}
