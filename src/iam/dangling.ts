import type { Transaction } from '../db';
import { grantChangeId } from '../keys/grant-finder';
import type { Place } from '../keys/identifiers';
import { formatPolicy } from '../policy/compile';
import { replacePrincipal } from '../policy/replace-principal';

/** What policies and grants name a principal by, and what they are to name it by from now on. */
interface Renaming {
  readonly from: string;
  readonly to: string;
}

/**
 * A user or role is deleted: where policies and grants name it they keep its unique id, which nobody will have again.
 * Else whoever makes a user of the same name would inherit what was given to another (kms-semantics §6.2, §6.5).
 */
export async function letDangle(
  transaction: Transaction,
  services: { readonly place: Place },
  { arn, uniqueId }: { readonly arn: string; readonly uniqueId: string },
): Promise<void> {
  await followRename(transaction, services, { from: arn, to: uniqueId });
  await inGrantsOfSessions(transaction, { from: arn, to: uniqueId });
}

/**
 * A principal has another ARN: policies and grants that name it follow (IAM User Guide, renaming an IAM user), so that it
 * keeps what it was given, and whoever takes the old name does not get it.
 */
export async function followRename(
  transaction: Transaction,
  { place }: { readonly place: Place },
  renaming: Renaming,
): Promise<void> {
  await inKeyPolicies(transaction, place, renaming);
  await inTrustPolicies(transaction, renaming);
  await inGrants(transaction, renaming);
}

async function inKeyPolicies(
  transaction: Transaction,
  place: Place,
  { from, to }: Renaming,
): Promise<void> {
  const rows = await transaction.query<{ key_id: string; policy: string }>({
    name: 'key-policies-naming',
    text: `
      select key_id, policy from kms_key where position($1::text in policy) > 0
      order by key_id for update`,
    values: [JSON.stringify(from)],
  });
  for (const { key_id: keyId, policy } of rows) {
    const changed = replacePrincipal(policy, from, to);
    if (changed === undefined) continue;
    await transaction.execute({
      name: 'key-set-policy',
      text: 'update kms_key set policy = $2::text where key_id = $1::text',
      values: [keyId, formatPolicy(changed, place)],
    });
    transaction.announce({ topic: 'key', id: keyId });
  }
}

async function inTrustPolicies(transaction: Transaction, { from, to }: Renaming): Promise<void> {
  const rows = await transaction.query<{ principal_id: string; trust_policy: string }>({
    name: 'trust-policies-naming',
    // They are kept as they were given: what JSON escapes in them, SQL does not read.
    text: `
      select principal_id, trust_policy from principal
      where position($1::text in trust_policy) > 0 or position('\\' in trust_policy) > 0
      order by principal_id for update`,
    values: [from],
  });
  for (const { principal_id: id, trust_policy: policy } of rows) {
    const changed = replacePrincipal(policy, from, to);
    if (changed === undefined) continue;
    await transaction.execute({
      name: 'trust-policy-replace',
      text: 'update principal set trust_policy = $2::text where principal_id = $1::text',
      values: [id, changed],
    });
    transaction.announce({ topic: 'principal', id });
  }
}

async function inGrants(transaction: Transaction, { from, to }: Renaming): Promise<void> {
  const rows = await transaction.query<{ key_id: string }>({
    name: 'grants-dangle',
    text: `
      update kms_grant set
        grantee = case grantee when $1::text then $2::text else grantee end,
        retiring_principal = case retiring_principal when $1::text then $2::text else retiring_principal end
      where grantee = $1::text or retiring_principal = $1::text
      returning key_id`,
    values: [from, to],
  });
  for (const keyId of new Set(rows.map((row) => row.key_id))) {
    for (const grantee of [from, to]) {
      transaction.announce({ topic: 'grant', id: grantChangeId({ keyId, grantee }) });
    }
  }
}

const roleForm = /^arn:([^:]+):iam::([0-9]{12}):role\/(?:.*\/)?([^/]+)$/;

/** Grants name sessions of a role too: by its name, which another role may have next. `AROA…:<session>` is nobody's. */
async function inGrantsOfSessions(transaction: Transaction, { from, to }: Renaming): Promise<void> {
  const [, partition, accountId, name] = roleForm.exec(from) ?? [];
  if (name === undefined) return;
  const prefix = `arn:${partition}:sts::${accountId}:assumed-role/${name}/`;
  const sessions = await transaction.query<{ arn: string }>({
    name: 'grants-of-sessions',
    text: `
      select grantee as arn from kms_grant where grantee > $1::text and grantee < $2::text
      union select retiring_principal from kms_grant
      where retiring_principal > $1::text and retiring_principal < $2::text`,
    // `0` is the character after `/`.
    values: [prefix, `${prefix.slice(0, -1)}0`],
  });
  for (const { arn } of sessions) {
    await inGrants(transaction, { from: arn, to: `${to}:${arn.slice(prefix.length)}` });
  }
}
