import type { ImportTerms } from '../keys/imported-material';
import type { Operation } from '../operation';
import type { ImportKeyMaterialRequest } from '../shapes/kms.generated';
import { checkImportRequest, defaultExpirationModel, requireMembersOfSpec } from './import-rules';
import { requireOrigin } from './rotation-rules';
import { onlyKey, targetByKeyOnly } from './targets';

export const importKeyMaterial: Operation<'ImportKeyMaterial'> = {
  name: 'ImportKeyMaterial',
  rest: {
    method: 'PUT',
    path: '/keys/{KeyId}/imported-material',
    summary: 'Brings key material of your own.',
  },
  readOnly: false,
  audited: [
    'KeyId',
    'ValidTo',
    'ExpirationModel',
    'ImportType',
    'KeyMaterialDescription',
    'KeyMaterialId',
  ],
  check: checkImportRequest,
  conditions: ({ input: { ExpirationModel, ValidTo } }) => ({
    'kms:ExpirationModel': ExpirationModel,
    'kms:ValidTo': ValidTo && String(ValidTo.getTime() / 1000),
  }),
  targets: targetByKeyOnly('kms:ImportKeyMaterial'),
  requires: { state: 'takesMaterial' },
  verify({ input, keys }) {
    const key = onlyKey(keys);
    requireOrigin(key, ['EXTERNAL']);
    requireMembersOfSpec(key, input);
  },

  async write({ input, keys, services }, { transaction }) {
    const key = onlyKey(keys);
    const KeyMaterialId = await services.imports.admit(transaction, key, {
      importToken: input.ImportToken,
      encrypted: input.EncryptedKeyMaterial,
      importType: input.ImportType,
      expectedId: input.KeyMaterialId,
      terms: termsOf(input),
    });
    transaction.announce({ topic: 'key', id: key.keyId });
    return { KeyId: key.arn, KeyMaterialId };
  },

  responseElements: (_call, output) => ({ ...output }),
};

function termsOf(input: ImportKeyMaterialRequest): ImportTerms {
  return {
    description: input.KeyMaterialDescription,
    expirationModel: input.ExpirationModel ?? defaultExpirationModel,
    validTo: input.ValidTo,
  };
}
