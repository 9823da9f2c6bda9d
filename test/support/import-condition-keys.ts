import {
  CreateKeyCommand,
  DeleteImportedKeyMaterialCommand,
  GetParametersForImportCommand,
  ImportKeyMaterialCommand,
  type ImportKeyMaterialCommandInput,
  type KMSClient,
} from '@aws-sdk/client-kms';
import type { ConditionRow, ConditionStage } from './condition-stage';
import { sdkRefusal } from './kms';

/** Sent for a key of AWS_KMS material, which is refused by its origin, after the policies have had their word. */
export async function asFarAsTheOrigin(arn: string, sending: Promise<unknown>): Promise<unknown> {
  const { message } = await sdkRefusal(sending);
  return message === `${arn} origin is AWS_KMS which is not valid for this operation.`
    ? undefined
    : sending;
}

type ImportTerms = Pick<ImportKeyMaterialCommandInput, 'ExpirationModel' | 'ValidTo'>;

/** The requests of the operations that import material. */
export const importRequests = {
  GetParametersForImport: (KeyId: string) =>
    new GetParametersForImportCommand({
      ...{ KeyId, WrappingAlgorithm: 'RSAES_OAEP_SHA_256', WrappingKeySpec: 'RSA_3072' },
    }),
  ImportKeyMaterial: (
    KeyId: string,
    terms: ImportTerms = { ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' },
  ) =>
    new ImportKeyMaterialCommand({
      ...{ KeyId, ImportToken: Buffer.from('a'), EncryptedKeyMaterial: Buffer.from('a'), ...terms },
    }),
  DeleteImportedKeyMaterial: (KeyId: string) => new DeleteImportedKeyMaterialCommand({ KeyId }),
};

/** The rows of the operations that import material. */
export function importConditionKeys(stage: () => ConditionStage): readonly ConditionRow[] {
  const parameters = (kms: KMSClient) =>
    asFarAsTheOrigin(
      stage().key.arn,
      kms.send(importRequests.GetParametersForImport(stage().key.id)),
    );
  const importing = (terms?: ImportTerms) => (kms: KMSClient) =>
    asFarAsTheOrigin(
      stage().key.arn,
      kms.send(importRequests.ImportKeyMaterial(stage().key.id, terms)),
    );
  // As the SDK sends it: seconds since 1970, here whole ones.
  const seconds = Math.floor(Date.now() / 1000) + 24 * 3600;
  const ValidTo = new Date(seconds * 1000);
  const onImport = { action: 'kms:ImportKeyMaterial' };
  const onParameters = { action: 'kms:GetParametersForImport' };
  return [
    {
      ...{ key: 'kms:WrappingAlgorithm', ...onParameters, send: parameters },
      met: ['StringEquals', 'RSAES_OAEP_SHA_256', 'RSAES_OAEP_SHA_1'],
    },
    {
      ...{ key: 'kms:WrappingKeySpec', ...onParameters, send: parameters },
      met: ['StringEquals', 'RSA_3072', 'RSA_2048'],
    },
    { key: 'kms:ValidTo', ...onParameters, send: parameters },
    {
      ...{ key: 'kms:ExpirationModel', ...onImport, send: importing() },
      met: ['StringEquals', 'KEY_MATERIAL_DOES_NOT_EXPIRE', 'KEY_MATERIAL_EXPIRES'],
    },
    { key: 'kms:ExpirationModel', ...onImport, send: importing({ ValidTo }) },
    {
      ...{ key: 'kms:ValidTo', ...onImport, send: importing({ ValidTo }) },
      met: ['NumericLessThanEquals', String(seconds), String(seconds - 1)],
    },
    { key: 'kms:ValidTo', ...onImport, send: importing() },
    { key: 'kms:WrappingAlgorithm', ...onImport, send: importing() },
    {
      ...{ key: 'kms:KeyOrigin', action: 'kms:CreateKey', resource: '*' },
      ...{ kinds: ['identity policy'], met: ['StringEquals', 'EXTERNAL', 'AWS_KMS'] },
      send: (kms) => kms.send(new CreateKeyCommand({ Origin: 'EXTERNAL' })),
    },
  ];
}
