import type { ServiceEvent } from '../audit';
import { KmsError } from '../errors';
import type { Key } from '../keys/key';
import { countOnDemandRotation, pendingMaterial, rotate } from '../keys/rotation';
import type { Change, Operation, Services } from '../operation';
import { requireOrigin, requireRotatable } from './rotation-rules';
import { onlyKey, targetByKeyOnly } from './targets';

/** Of a key, in all its life (kms-semantics §8.3). */
const maxRotations = 25;

/** AWS answers before the rotation is done; here it is done when it is answered. */
export const rotateKeyOnDemand: Operation<'RotateKeyOnDemand'> = {
  name: 'RotateKeyOnDemand',
  rest: { method: 'POST', path: '/keys/{KeyId}/rotations', summary: 'Rotates a key now.' },
  readOnly: false,
  audited: ['KeyId'],
  targets: targetByKeyOnly('kms:RotateKeyOnDemand'),
  // What can never rotate is told so in every state, as the neighbours tell it.
  identify: ({ keys }) => requireRotatable(onlyKey(keys)),
  requires: { state: 'rotatableOnDemand' },
  verify: ({ keys }) => requireMaterialToCome(onlyKey(keys)),

  async write({ keys, services }, change) {
    const key = onlyKey(keys);
    change.serviceEvent(await rotateOnDemand(services, change, key));
    return { KeyId: key.arn };
  },
};

/** Its next material is made by the token, or is there and waits. */
export function requireMaterialToCome(key: Key): void {
  requireOrigin(key, ['AWS_KMS', 'EXTERNAL']);
  if (key.origin === 'EXTERNAL') requirePending(key);
}

/** The caller has the key's lock, and has made sure that it rotates. CloudTrail's RotateKey, to be recorded with it. */
export async function rotateOnDemand(
  services: Pick<Services, 'materials' | 'place'>,
  { transaction, undo }: Pick<Change, 'transaction' | 'undo'>,
  key: Key,
): Promise<ServiceEvent> {
  const { count, collides } = await countOnDemandRotation(transaction, key.keyId);
  if (count > maxRotations) throw limitReached(key);
  if (collides) throw automaticIsDue(key);
  return rotate(services, transaction, { key, rotationType: 'ON_DEMAND', undo });
}

function requirePending(key: Key): void {
  if (pendingMaterial(key) !== undefined) return;
  throw new KmsError(
    'KMSInvalidStateException',
    `No available key material pending rotation for the key: ${key.arn}.`,
  );
}

function limitReached({ arn }: Key): KmsError {
  return new KmsError(
    'LimitExceededException',
    `The on-demand rotations limit has been reached for the given keyId. No more on-demand rotations can be performed for this key: ${arn}`,
  );
}

function automaticIsDue({ arn }: Key): KmsError {
  return new KmsError(
    'ConflictException',
    `An automatic rotation of ${arn} is due within the next 20 minutes.`,
  );
}
