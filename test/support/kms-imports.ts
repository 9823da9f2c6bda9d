import {
  type KeyObject,
  constants,
  createCipheriv,
  createPublicKey,
  generateKeyPairSync,
  publicEncrypt,
  randomBytes,
} from 'node:crypto';
import {
  type AlgorithmSpec,
  CreateKeyCommand,
  type CreateKeyCommandInput,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  type ImportKeyMaterialCommandInput,
  type KMSClient,
  type WrappingKeySpec,
} from '@aws-sdk/client-kms';
import type { NewKey } from './kms';

export type Algorithm = Exclude<AlgorithmSpec, 'RSAES_PKCS1_V1_5' | 'SM2PKE'>;

/** What GetParametersForImport gave, with the way of wrapping that was asked for. */
export interface Parameters {
  readonly importToken: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly validTo: Date | undefined;
  readonly algorithm: Algorithm;
}

export interface Wrapping {
  readonly algorithm?: Algorithm;
  readonly spec?: WrappingKeySpec;
}

export async function createExternalKey(
  kms: KMSClient,
  input: CreateKeyCommandInput = {},
): Promise<NewKey> {
  const command = new CreateKeyCommand({ Origin: 'EXTERNAL', ...input });
  const { KeyMetadata: { KeyId: id, Arn: arn } = {} } = await kms.send(command);
  if (id === undefined || arn === undefined) throw new Error('CreateKey answered without a key');
  return { id, arn };
}

export async function getParameters(
  kms: KMSClient,
  KeyId: string,
  { algorithm = 'RSAES_OAEP_SHA_256', spec = 'RSA_2048' }: Wrapping = {},
): Promise<Parameters> {
  const answer = await kms.send(
    new GetParametersForImportCommand({
      ...{ KeyId, WrappingAlgorithm: algorithm, WrappingKeySpec: spec },
    }),
  );
  const { ImportToken, PublicKey, ParametersValidTo: validTo } = answer;
  if (ImportToken === undefined || PublicKey === undefined) throw new Error('no parameters');
  return { importToken: ImportToken, publicKey: PublicKey, validTo, algorithm };
}

/** As a customer wraps material, with nothing of Claviger. */
export function wrap(material: Buffer, { publicKey, algorithm }: Parameters): Buffer {
  const key = createPublicKey({ key: Buffer.from(publicKey), format: 'der', type: 'spki' });
  const oaepHash = algorithm.endsWith('SHA_1') ? 'sha1' : 'sha256';
  const oaep = (bytes: Buffer): Buffer =>
    publicEncrypt({ key, oaepHash, padding: constants.RSA_PKCS1_OAEP_PADDING }, bytes);
  if (algorithm.startsWith('RSAES')) return oaep(material);
  const wrappingKey = randomBytes(32);
  // AES key wrap with padding (RFC 5649), whose initial value is fixed.
  const aes = createCipheriv('id-aes256-wrap-pad', wrappingKey, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([oaep(wrappingKey), aes.update(material), aes.final()]);
}

/** Imports material that does not expire, unless something else is said. */
export async function importMaterial(
  kms: KMSClient,
  KeyId: string,
  {
    material,
    parameters,
    ...more
  }: { readonly material: Buffer; readonly parameters?: Parameters } & Partial<
    Omit<ImportKeyMaterialCommandInput, 'KeyId'>
  >,
): Promise<string> {
  const given = parameters ?? (await getParameters(kms, KeyId));
  const { KeyMaterialId } = await kms.send(
    new ImportKeyMaterialCommand({
      KeyId,
      ImportToken: given.importToken,
      EncryptedKeyMaterial: wrap(material, given),
      ...(more.ValidTo === undefined && { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' }),
      ...more,
    }),
  );
  if (KeyMaterialId === undefined) throw new Error('an import without a key material id');
  return KeyMaterialId;
}

/** PKCS#8 in DER, as private keys are imported. */
export function pkcs8(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'pkcs8' });
}

export function ecKey(namedCurve: string): Buffer {
  return pkcs8(generateKeyPairSync('ec', { namedCurve }).privateKey);
}

export function rsaKey(modulusLength: number): Buffer {
  return pkcs8(generateKeyPairSync('rsa', { modulusLength }).privateKey);
}
