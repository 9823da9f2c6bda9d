import { newApiToken } from '../../auth/api-token';
import { insertApiToken, lockAndCountApiTokens } from '../../auth/api-token-rows';
import { writeSession } from '../../auth/session-json';
import { refusal } from '../../auth/sigv4-errors';
import { KmsError, atMember } from '../../errors';
import { requireRoom } from '../../keys/limits';
import type { Operation } from '../../operation';
import { compileIdentityPolicy } from '../../policy/compile';
import { PolicyError } from '../../policy/policy';
import { type Principal, databaseId } from '../../policy/principal';
import { period } from '../sts/role-session';
import { onOwnTokens } from './token-actions';

const action = 'claviger:CreateApiToken';

const day = 86_400;
const defaultSeconds = 30 * day;

export const createApiToken: Operation<'CreateApiToken'> = {
  name: 'CreateApiToken',
  rest: {
    method: 'POST',
    path: '/api-tokens',
    location: '/api-tokens/{ApiToken.TokenId}',
    summary: 'Makes an API token of the caller, and shows it this once.',
  },
  readOnly: false,
  audited: ['Name', 'DurationSeconds', 'Policy'],
  check({ Policy: text }) {
    if (text !== undefined) requirePolicy(text);
  },
  conditions: ({ input }) => ({
    'claviger:DurationSeconds': String(input.DurationSeconds ?? defaultSeconds),
  }),
  accountActions(call) {
    requireMaker(call.caller);
    return [onOwnTokens(call, { action })];
  },

  async write({ input, caller, services, now }, { transaction }) {
    const { accountId, session } = caller;
    const principalId = databaseId(caller);
    const current = await lockAndCountApiTokens(transaction, { accountId, principalId }, now);
    if (current === undefined) throw refusal('unknownClient');
    requireRoom(services.limits, 'apiTokensPerPrincipal', current);
    const { tokenId, hash, text } = newApiToken(services.token);
    const { issuedAt, expiresAt } = endingWith(
      caller,
      period(now, input.DurationSeconds ?? defaultSeconds),
    );
    const { Name: name, Policy: policy } = input;
    await insertApiToken(transaction, {
      ...{ tokenId, hash, accountId, principalId, name, policy, expiresAt },
      callerId: caller.principalId,
      createdAt: issuedAt,
      session: session && JSON.stringify(writeSession(session)),
    });
    transaction.announce({ topic: 'api-token', id: tokenId });
    return {
      Token: text.revealText(),
      ApiToken: {
        TokenId: tokenId,
        ...(name !== undefined && { Name: name }),
        PrincipalArn: caller.arn,
        CreationDate: issuedAt,
        ExpirationDate: expiresAt,
        ...(policy !== undefined && { Policy: policy }),
      },
    };
  },

  responseElements: (_call, { ApiToken }) => ({ ApiToken }),
};

/** Else a token that leaked would make itself a successor, and its end and its deletion be none. */
function requireMaker({ arn, apiToken }: Principal): void {
  if (apiToken === undefined) return;
  throw new KmsError(
    'AccessDeniedException',
    `User: ${arn} is not authorized to perform: ${action} because an API token makes no API tokens`,
  );
}

/** A token does not outlive the session that made it. */
function endingWith(
  { session }: Principal,
  times: ReturnType<typeof period>,
): ReturnType<typeof period> {
  if (session === undefined || session.expiresAt >= times.expiresAt) return times;
  return { ...times, expiresAt: session.expiresAt };
}

function requirePolicy(text: string): void {
  try {
    compileIdentityPolicy(text);
  } catch (error) {
    if (!(error instanceof PolicyError)) throw error;
    const options = { ...atMember('Policy', error.message), cause: error };
    throw new KmsError('MalformedPolicyDocumentException', error.message, options);
  }
}
