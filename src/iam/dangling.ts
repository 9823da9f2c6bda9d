import type { Transaction } from '../db';
import type { Place } from '../keys/identifiers';
import { formatPolicy } from '../policy/compile';
import { replacePrincipal } from '../policy/replace-principal';

interface Gone {
  readonly arn: string;
  /** AIDA… or AROA… */
  readonly uniqueId: string;
}

/**
 * A user or role is deleted: where policies and grants name it they keep its unique id, which nobody will have again.
 * Else whoever makes a user of the same name would inherit what was given to another (kms-semantics §6.2, §6.5).
 */
export async function letDangle(
  transaction: Transaction,
  { place }: { readonly place: Place },
  gone: Gone,
): Promise<void> {
  await inKeyPolicies(transaction, place, gone);
  await inTrustPolicies(transaction, gone);
  await inGrants(transaction, gone);
}

async function inKeyPolicies(transaction: Transaction, place: Place, gone: Gone): Promise<void> {
  const rows = await transaction.query<{ key_id: string; policy: string }>({
    name: 'key-policies-naming',
    text: `
      select key_id, policy from kms_key where position($1::text in policy) > 0
      order by key_id for update`,
    values: [JSON.stringify(gone.arn)],
  });
  for (const { key_id: keyId, policy } of rows) {
    const changed = replacePrincipal(policy, gone.arn, gone.uniqueId);
    if (changed === undefined) continue;
    await transaction.execute({
      name: 'key-set-policy',
      text: 'update kms_key set policy = $2::text where key_id = $1::text',
      values: [keyId, formatPolicy(changed, place)],
    });
    transaction.announce({ topic: 'key', id: keyId });
  }
}

async function inTrustPolicies(transaction: Transaction, gone: Gone): Promise<void> {
  const rows = await transaction.query<{ principal_id: string; trust_policy: string }>({
    name: 'trust-policies-naming',
    text: `
      select principal_id, trust_policy from principal where position($1::text in trust_policy) > 0
      order by principal_id for update`,
    values: [gone.arn],
  });
  for (const { principal_id: id, trust_policy: policy } of rows) {
    const changed = replacePrincipal(policy, gone.arn, gone.uniqueId);
    if (changed === undefined) continue;
    await transaction.execute({
      name: 'trust-policy-replace',
      text: 'update principal set trust_policy = $2::text where principal_id = $1::text',
      values: [id, changed],
    });
    transaction.announce({ topic: 'principal', id });
  }
}

async function inGrants(transaction: Transaction, { arn, uniqueId }: Gone): Promise<void> {
  const rows = await transaction.query<{ key_id: string }>({
    name: 'grants-dangle',
    text: `
      update kms_grant set
        grantee = case grantee when $1::text then $2::text else grantee end,
        retiring_principal = case retiring_principal when $1::text then $2::text else retiring_principal end
      where grantee = $1::text or retiring_principal = $1::text
      returning key_id`,
    values: [arn, uniqueId],
  });
  for (const keyId of new Set(rows.map((row) => row.key_id))) {
    transaction.announce({ topic: 'grant', id: `${keyId} ${arn}` });
  }
}
