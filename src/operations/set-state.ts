import type { Change, TargetedCall } from '../operation';
import { onlyKey } from './targets';

/**
 * EnableKey and DisableKey, which do nothing to a key that is already there (kms-semantics §1.1). It is announced all the
 * same: workers may not have acknowledged the change that came first, and this answer promises what that one does.
 */
export async function setState(
  { keys, services }: TargetedCall<'EnableKey' | 'DisableKey'>,
  { transaction }: Change,
  state: 'Enabled' | 'Disabled',
): Promise<Record<string, never>> {
  const key = onlyKey(keys);
  if (key.state !== state) await services.keys.setState(transaction, key.keyId, state);
  transaction.announce({ topic: 'key', id: key.keyId });
  return {};
}
