import { type KeyRotation, listRotations } from '../keys/rotation-list';
import type { Operation } from '../operation';
import type { RotationsListEntry } from '../shapes/kms.generated';
import { pageSize, paginate, placeOf } from './pagination';
import { requireOrigin, requireRotatable } from './rotation-rules';
import { onlyKey, targetByKeyOnly } from './targets';

export const listKeyRotations: Operation<'ListKeyRotations'> = {
  name: 'ListKeyRotations',
  rest: {
    method: 'GET',
    path: '/keys/{KeyId}/rotations',
    summary: 'Lists the rotations of a key, and its key materials.',
  },
  readOnly: true,
  audited: ['KeyId', 'IncludeKeyMaterial', 'Limit', 'Marker'],
  targets: targetByKeyOnly('kms:ListKeyRotations'),
  requires: { state: 'any' },
  verify({ keys }) {
    const key = onlyKey(keys);
    requireRotatable(key);
    requireOrigin(key, ['AWS_KMS', 'EXTERNAL']);
  },

  async run({ input, keys, services }) {
    const { keyId } = onlyKey(keys);
    const { IncludeKeyMaterial: included = 'ROTATIONS_ONLY' } = input;
    const page = await paginate({
      scope: `ListKeyRotations ${keyId} ${included}`,
      marker: input.Marker,
      limit: pageSize(input.Limit, { fallback: 100, max: 1000 }),
      fetch: (after, limit) =>
        listRotations(services.db, {
          keyId,
          completedOnly: included === 'ROTATIONS_ONLY',
          after: after === '' ? 0 : placeOf(after),
          limit,
        }),
      position: ({ ordinal }) => String(ordinal),
    });
    return {
      Rotations: page.items.map((rotation) => entry(keyId, rotation)),
      Truncated: page.truncated,
      ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }),
    };
  },
};

/** With the field presence of kms-semantics §8.4. */
function entry(keyId: string, rotation: KeyRotation): RotationsListEntry {
  const { materialId, state, rotated, imported } = rotation;
  return {
    KeyId: keyId,
    KeyMaterialId: materialId,
    KeyMaterialState: state,
    ...(rotated && { RotationDate: rotated.at, RotationType: rotated.type }),
    ...(imported && {
      ImportState: imported.state,
      ...(imported.description !== undefined && { KeyMaterialDescription: imported.description }),
      ...(imported.expirationModel !== undefined && { ExpirationModel: imported.expirationModel }),
      ...(imported.validTo !== undefined && { ValidTo: imported.validTo }),
    }),
  };
}
