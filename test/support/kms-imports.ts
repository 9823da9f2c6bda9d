import { type KeyObject, generateKeyPairSync } from 'node:crypto';
import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  type ImportKeyMaterialCommandInput,
  type KMSClient,
  type WrappingKeySpec,
} from '@aws-sdk/client-kms';
import type { ImportAlgorithm } from '../../hsm';
import { wrapMaterial } from './imports';
import type { NewKey } from './kms';

/** What GetParametersForImport gave, with the way of wrapping that was asked for. */
export interface Parameters {
  readonly importToken: Uint8Array;
  readonly publicKey: Uint8Array;
  readonly validTo: Date | undefined;
  readonly algorithm: ImportAlgorithm;
}

export interface Wrapping {
  readonly algorithm?: ImportAlgorithm;
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

/** As a customer wraps material. */
export function wrap(material: Buffer, { publicKey, algorithm }: Parameters): Buffer {
  return wrapMaterial(algorithm, Buffer.from(publicKey), material);
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
