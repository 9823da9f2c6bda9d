import { KmsError } from '../errors';
import type { Key } from '../keys/key';
import type { Operation } from '../operation';
import { requireOrigin } from './rotation-rules';
import { onlyKey, targetByKeyOnly } from './targets';

export const deleteImportedKeyMaterial: Operation<'DeleteImportedKeyMaterial'> = {
  name: 'DeleteImportedKeyMaterial',
  rest: {
    method: 'DELETE',
    path: '/keys/{KeyId}/imported-material',
    summary: 'Deletes imported key material; the key stays.',
  },
  readOnly: false,
  audited: ['KeyId', 'KeyMaterialId'],
  targets: targetByKeyOnly('kms:DeleteImportedKeyMaterial'),
  requires: { state: 'losesMaterial' },
  verify: ({ keys }) => requireOrigin(onlyKey(keys), ['EXTERNAL']),

  async write({ input, keys, services }, { transaction, afterwards }) {
    const key = onlyKey(keys);
    const materialId = chooseMaterial(key, input.KeyMaterialId);
    if (materialId !== undefined) {
      await services.imports.remove(transaction, key, materialId);
      const { destroyObjects } = services;
      afterwards(() => destroyObjects.run({ subject: materialId, clockOffsetSeconds: 0 }));
    }
    // Material that is gone already too: workers may not have acknowledged the request that deleted it.
    transaction.announce({ topic: 'key', id: key.keyId });
    return { KeyId: key.arn, ...(materialId !== undefined && { KeyMaterialId: materialId }) };
  },

  responseElements: (_call, output) => ({ ...output }),
};

/** The current one where none is named; undefined before a first import. */
function chooseMaterial(
  { arn, materials, currentMaterial }: Key,
  named: string | undefined,
): string | undefined {
  if (named === undefined || materials.has(named)) return named ?? currentMaterial?.id;
  throw new KmsError('NotFoundException', `Key material '${named}' of key ${arn} does not exist`);
}
