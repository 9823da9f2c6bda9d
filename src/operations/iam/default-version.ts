import type { Transaction } from '../../db';
import type { ManagedPolicy } from '../../iam/managed-policies';

/** Whoever has the policy, by itself, by a group or as its boundary, may do other things now. */
export function announceNewDefault(
  transaction: Transaction,
  { attachments, boundaries }: ManagedPolicy,
): void {
  if (attachments + boundaries > 0) transaction.announce({ topic: 'principal', id: '*' });
}
