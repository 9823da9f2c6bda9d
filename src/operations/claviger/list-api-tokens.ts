import { type ApiTokenOwners, listApiTokens as list } from '../../auth/api-token-rows';
import type { Queryable } from '../../db';
import { KmsError } from '../../errors';
import type { AccountAction, Call, Operation } from '../../operation';
import { pageSize, paginate } from '../pagination';
import { describeApiToken, onOthersTokens, onOwnTokens } from './token-actions';

const action = 'claviger:ListApiTokens';

/** PrincipalArn of everybody in the account, as a policy's Principal has it. */
const everybody = '*';

export const listApiTokens: Operation<'ListApiTokens'> = {
  name: 'ListApiTokens',
  rest: {
    method: 'GET',
    path: '/api-tokens',
    summary:
      "Lists the caller's API tokens, or those of the principal with PrincipalArn, or with `*` all of the account.",
  },
  readOnly: true,
  audited: ['PrincipalArn', 'Limit', 'Marker'],
  accountActions,

  async run(call) {
    const { input, services } = call;
    const owners = await ownersOf(call);
    if (owners === undefined) {
      throw new KmsError('NotFoundException', `Principal '${input.PrincipalArn}' does not exist`);
    }
    const { accountId, principalId = '', callerId = '' } = owners;
    const page = await paginate({
      scope: `ListApiTokens ${accountId} ${principalId} ${callerId}`,
      marker: input.Marker,
      limit: pageSize(input.Limit, { fallback: 100, max: 1000 }),
      fetch: (after, limit) => list(services.db, owners, { after, limit }),
      position: ({ tokenId }) => tokenId,
    });
    return {
      ApiTokens: page.items.map(describeApiToken),
      Truncated: page.truncated,
      ...(page.nextMarker === undefined ? {} : { NextMarker: page.nextMarker }),
    };
  },
};

/** Who may not see a principal's tokens is not told whether there is such a principal. */
async function accountActions(call: Call<'ListApiTokens'>): Promise<readonly AccountAction[]> {
  const { caller, input } = call;
  const { PrincipalArn: arn } = input;
  const owners = await ownersOf(call);
  if (owners?.callerId === caller.principalId) return [onOwnTokens(call, { action })];
  const deniedAs = new KmsError(
    'AccessDeniedException',
    `User: ${caller.arn} is not authorized to perform: ${action} on the API tokens of ${arn}`,
  );
  return [onOthersTokens(call, { action, holder: holderOf(owners), deniedAs })];
}

/** The part of the ARN that says whose. A principal that does not exist has nobody's. */
function holderOf(owners: ApiTokenOwners | undefined): string {
  if (owners === undefined) return '-';
  const { callerId, principalId } = owners;
  return callerId ?? (principalId === undefined ? everybody : `${principalId}:*`);
}

/** Undefined when the account has no such principal. */
async function ownersOf({
  input,
  caller,
  services,
}: Call<'ListApiTokens'>): Promise<ApiTokenOwners | undefined> {
  const { accountId } = caller;
  const { PrincipalArn: arn } = input;
  if (arn === undefined || arn === caller.arn) return { accountId, callerId: caller.principalId };
  if (arn === everybody) return { accountId };
  return ownersNamed(services.db, accountId, arn);
}

const sessionForm = /^arn:[^:]+:sts::([0-9]{12}):assumed-role\/([^/]+)\/([^/]+)$/;

/** A user, the root, a service by its name, a role with all its sessions, or one session of a role. */
async function ownersNamed(
  db: Queryable,
  accountId: string,
  arn: string,
): Promise<ApiTokenOwners | undefined> {
  const [, sessionAccount, roleName, sessionName] = sessionForm.exec(arn) ?? [];
  if (sessionAccount !== undefined && sessionAccount !== accountId) return undefined;
  const [row] = await db.query<{ principal_id: string; kind: string }>({
    name: 'api-token-principal',
    text: `
      select principal_id, kind from principal
      where account_id = $1::text
        and (arn = $2::text and kind <> 'group' or kind = 'role' and lower(name) = lower($3::text))`,
    values: [accountId, arn, roleName ?? null],
  });
  if (row === undefined) return undefined;
  const { principal_id: principalId, kind } = row;
  if (sessionName !== undefined) return { accountId, callerId: `${principalId}:${sessionName}` };
  return kind === 'role' ? { accountId, principalId } : { accountId, callerId: principalId };
}
