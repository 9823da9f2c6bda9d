import { KmsError } from '../errors';
import type { Key } from '../keys/key';
import type { KeyUsage } from '../keys/key-uses';
import type { Call, Services } from '../operation';
import type { Conditions } from '../policy/policy';
import type { OperationName } from '../shapes/operations';

const dayMs = 86_400_000;

/** What is known of the use of a key. Throws NotFoundException of one that was deleted meanwhile. */
export async function usageOf({ keyUses }: Services, { keyId, arn }: Key): Promise<KeyUsage> {
  const usage = await keyUses.of(keyId);
  if (usage === undefined) throw new KmsError('NotFoundException', `Key '${arn}' does not exist`);
  return usage;
}

/**
 * How long the key was not used (kms-semantics §6.8): whole days, since its last use or else since uses are noted. Of DisableKey
 * and ScheduleKeyDeletion, whose policies keep keys in use from harm.
 */
export async function unusedConditions<N extends OperationName>(
  { services, now }: Call<N>,
  key: Key,
): Promise<Conditions> {
  const { trackedFrom, lastUse } = await usageOf(services, key);
  const since = lastUse?.at ?? trackedFrom;
  const days = Math.max(0, Math.floor((now.getTime() - since.getTime()) / dayMs));
  return { 'kms:TrailingDaysWithoutKeyUsage': String(days) };
}
