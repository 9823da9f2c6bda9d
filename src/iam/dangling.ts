import type { Transaction } from '../db';
import { grantChangeId } from '../keys/grant-finder';
import type { Place } from '../keys/identifiers';
import { formatPolicy } from '../policy/compile';
import { replacePrincipals } from '../policy/replace-principals';

/** What policies and grants name a principal by, and what they are to name it by from now on. */
interface Renaming {
  readonly from: string;
  readonly to: string;
  /** Of all names that begin with `from`; what follows it stays. */
  readonly prefix?: true;
}

/**
 * A user or role is deleted: where policies and grants name it, or sessions of it, they keep its unique id, which nobody
 * will have again. Else whoever makes a user of the same name would inherit what was given to another (kms-semantics
 * §6.2, §6.5).
 */
export async function letDangle(
  transaction: Transaction,
  { place }: { readonly place: Place },
  { arn, uniqueId }: { readonly arn: string; readonly uniqueId: string },
): Promise<void> {
  const deleted = { from: arn, to: uniqueId };
  const sessions = sessionsOf(deleted);
  const renamings = sessions === undefined ? [deleted] : [deleted, sessions];
  await inKeyPolicies(transaction, place, renamings);
  await inTrustPolicies(transaction, renamings);
  await inGrants(transaction, deleted);
  if (sessions !== undefined) await inGrantsOfSessions(transaction, sessions);
}

/**
 * A principal has another ARN: policies and grants that name it follow (IAM User Guide, renaming an IAM user), so that it
 * keeps what it was given, and whoever takes the old name does not get it. Roles are never renamed.
 */
export async function followRename(
  transaction: Transaction,
  { place }: { readonly place: Place },
  renaming: Renaming,
): Promise<void> {
  await inKeyPolicies(transaction, place, [renaming]);
  await inTrustPolicies(transaction, [renaming]);
  await inGrants(transaction, renaming);
}

const roleForm = /^arn:([^:]+):iam::([0-9]{12}):role\/(?:.*\/)?([^/]+)$/;

/** Sessions of a role are named by its name, which another role may have next; `AROA…:<session>` is nobody's. */
function sessionsOf({ from, to }: Renaming): Renaming | undefined {
  const [, partition, accountId, name] = roleForm.exec(from) ?? [];
  if (name === undefined) return undefined;
  const role = `arn:${partition}:sts::${accountId}:assumed-role/${name}/`;
  return { from: role, to: `${to}:`, prefix: true };
}

function renamed(name: string, renamings: readonly Renaming[]): string {
  const one = renamings.find(({ from, prefix }) =>
    prefix === true ? name.startsWith(from) : name === from,
  );
  return one === undefined ? name : one.to + name.slice(one.from.length);
}

async function inKeyPolicies(
  transaction: Transaction,
  place: Place,
  renamings: readonly Renaming[],
): Promise<void> {
  const rows = await transaction.query<{ key_id: string; policy: string }>({
    name: 'key-policies-naming',
    // Nobody will find a key again whose deletion has begun. Who holds it waits for the account, which is held here.
    text: `
      select key_id, policy from kms_key
      where exists (select from unnest($1::text[]) as named (part) where position(named.part in policy) > 0)
        and deleting_since is null
      order by key_id for update`,
    values: [
      renamings.map(({ from, prefix }) => JSON.stringify(from).slice(0, prefix ? -1 : undefined)),
    ],
  });
  for (const { key_id: keyId, policy } of rows) {
    const changed = replacePrincipals(policy, (name) => renamed(name, renamings));
    if (changed === undefined) continue;
    await transaction.execute({
      name: 'key-set-policy',
      text: 'update kms_key set policy = $2::text where key_id = $1::text',
      values: [keyId, formatPolicy(changed, place)],
    });
    transaction.announce({ topic: 'key', id: keyId });
  }
}

async function inTrustPolicies(
  transaction: Transaction,
  renamings: readonly Renaming[],
): Promise<void> {
  const rows = await transaction.query<{ principal_id: string; trust_policy: string }>({
    name: 'trust-policies-naming',
    // They are kept as they were given: what JSON escapes in them, SQL does not read.
    text: `
      select principal_id, trust_policy from principal
      where position('\\' in trust_policy) > 0
        or exists (select from unnest($1::text[]) as named (part) where position(named.part in trust_policy) > 0)
      order by principal_id for update`,
    values: [renamings.map(({ from }) => from)],
  });
  for (const { principal_id: id, trust_policy: policy } of rows) {
    const changed = replacePrincipals(policy, (name) => renamed(name, renamings));
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

async function inGrantsOfSessions(transaction: Transaction, { from, to }: Renaming): Promise<void> {
  const sessions = await transaction.query<{ arn: string }>({
    name: 'grants-of-sessions',
    text: `
      select grantee as arn from kms_grant where grantee > $1::text and grantee < $2::text
      union select retiring_principal from kms_grant
      where retiring_principal > $1::text and retiring_principal < $2::text`,
    // `0` is the character after `/`.
    values: [from, `${from.slice(0, -1)}0`],
  });
  for (const { arn } of sessions) {
    await inGrants(transaction, { from: arn, to: to + arn.slice(from.length) });
  }
}
