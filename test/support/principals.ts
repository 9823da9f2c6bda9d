import type { KMSClient } from '@aws-sdk/client-kms';
import type { TestCredentials, TestDaemon } from './daemon';
import { anotherAccessKey, changeAndAnnounce, clientOf, makeUser } from './kms';
import { administer } from './postgres';

/** Who may call, with a client of its own. */
export interface TestPrincipal {
  readonly arn: string;
  /** AIDA…; of a service its name. */
  readonly id: string;
  readonly credentials: TestCredentials;
  readonly kms: KMSClient;
}

/** A user without any policy. */
export async function newUser(daemon: TestDaemon, name: string): Promise<TestPrincipal> {
  const credentials = await makeUser(daemon, name);
  const arn = `arn:aws:iam::${daemon.accountId}:user/${name}`;
  const [row] = await administer<{ id: string }>(
    daemon.databaseUrl,
    'select principal_id as id from principal where arn = $1::text',
    [arn],
  );
  return { arn, id: row?.id ?? '', credentials, kms: clientOf(daemon, credentials) };
}

/** A registered service of the daemon's account, with an access key. */
export async function newService(daemon: TestDaemon, name: string): Promise<TestPrincipal> {
  const credentials = await anotherAccessKey(daemon);
  await administer(
    daemon.databaseUrl,
    `insert into principal (principal_id, account_id, arn, kind, name)
     values ($1::text, $2::text, $1::text, 'service', $1::text)`,
    [name, daemon.accountId],
  );
  await administer(
    daemon.databaseUrl,
    'update access_key set principal_id = $2::text where access_key_id = $1::text',
    [credentials.accessKeyId, name],
  );
  return { arn: name, id: name, credentials, kms: clientOf(daemon, credentials) };
}

/** A role that nobody can assume; its ARN. */
export async function newRole(daemon: TestDaemon, name: string): Promise<string> {
  const arn = `arn:aws:iam::${daemon.accountId}:role/team/${name}`;
  await administer(
    daemon.databaseUrl,
    `insert into principal
       (principal_id, account_id, arn, kind, name, path, trust_policy, max_session_seconds)
     values ($1::text, $2::text, $3::text, 'role', $4::text, '/team/', '{"Statement":[]}', 3600)`,
    [`AROA${name.toUpperCase().padEnd(16, 'X')}`, daemon.accountId, arn, name],
  );
  return arn;
}

/** Gives a principal one inline policy: statements that allow or deny actions on everything. */
export async function letIdentity(
  daemon: TestDaemon,
  { id }: TestPrincipal,
  statements: readonly { readonly Effect: 'Allow' | 'Deny'; readonly Action: string }[],
): Promise<void> {
  const document = JSON.stringify({
    Version: '2012-10-17',
    Statement: statements.map((statement) => ({ ...statement, Resource: '*' })),
  });
  const sql = `
    with made as (
      insert into inline_policy (owner_id, policy_name, document)
      values ($1::text, 'p', '${document}')
      on conflict (owner_id, policy_name) do update set document = excluded.document
      returning 1)
    select 1 from made`;
  await changeAndAnnounce(daemon, { topic: 'principal', id, sql });
}
