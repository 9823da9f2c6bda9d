import { isWorn } from '../keys/encryption-counts';
import { type RotationParts, rotateNow } from '../keys/rotation';
import type { Job, Schedule } from './job';

/** Keys whose current material has made half of its encryptions, and that can be given other material. */
export const wornKeys: Schedule = {
  name: 'rotate-worn-key',
  due: {
    from: `
      encryption_count c join key_material m using (material_id)
        join kms_key k on k.key_id = m.key_id and k.current_material_id = m.material_id`,
    where: `c.worn_at is not null and k.state = 'Enabled' and k.custom_key_store_id is null`,
    claimable: `k.origin = 'AWS_KMS'`,
    subject: 'k.key_id',
    at: 'c.worn_at',
  },
};

/**
 * Gives keys new material long before theirs has made all the encryptions that it may make, whether or not they rotate by
 * themselves otherwise. Nobody can do that for imported material: its keys are overdue until they are rotated on demand.
 */
export function rotateWornKey(parts: RotationParts): Job {
  return {
    ...wornKeys,
    run: ({ subject: keyId }) =>
      rotateNow(parts, {
        keyId,
        wanted: async (transaction, { state, origin, currentMaterial }) =>
          state === 'Enabled' &&
          origin === 'AWS_KMS' &&
          currentMaterial !== undefined &&
          (await isWorn(transaction, currentMaterial.id)),
      }),
  };
}
