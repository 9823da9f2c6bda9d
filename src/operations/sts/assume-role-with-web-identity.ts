import { sessionClaims } from '../../auth/web-identity';
import { KmsError } from '../../errors';
import type { Operation } from '../../operation';
import type { Principal, WebIdentity } from '../../policy/principal';
import { refuseMembers } from '../unsupported';
import { authorizedRole, roleActions } from './role-actions';
import { accountOfRole } from './role-arn';
import { recordedCredentials, startRoleSession } from './role-session';
import { checkSessionPolicies, sessionPolicies } from './session-policies';
import { tagConditions } from './session-tags';

const action = 'sts:AssumeRoleWithWebIdentity';

/** The request is not signed: the token says who calls. */
export const assumeRoleWithWebIdentity: Operation<'AssumeRoleWithWebIdentity'> = {
  name: 'AssumeRoleWithWebIdentity',
  readOnly: true,
  audited: ['RoleArn', 'RoleSessionName', 'PolicyArns', 'Policy', 'DurationSeconds'],
  check(input) {
    refuseMembers(input, ['ProviderId']);
    checkSessionPolicies(input);
  },

  identifyCaller({ RoleArn, WebIdentityToken }, { place, webIdentities }) {
    const accountId = accountOfRole(RoleArn, place);
    if (accountId === undefined)
      throw new KmsError('ValidationException', 'Request ARN is invalid');
    return webIdentities.identify(WebIdentityToken, accountId);
  },

  accountActions: async ({ input, caller, services }) => {
    const { tags = {}, transitiveTagKeys, sourceIdentity } = caller.session ?? {};
    return roleActions(input, {
      ...{ caller, services, action, roleArn: input.RoleArn },
      tagged: Object.keys(tags).length > 0,
      sourceIdentity: sourceIdentity !== undefined,
      conditions: {
        'sts:RoleSessionName': input.RoleSessionName,
        'sts:SourceIdentity': sourceIdentity,
        ...tagConditions(tags, transitiveTagKeys),
      },
    });
  },

  async run({ input, caller, services, now }) {
    const role = authorizedRole(input);
    const { tags, transitiveTagKeys, sourceIdentity, webIdentity } = tokenOf(caller);
    const claims = sessionClaims(webIdentity.claims);
    const source = sourceIdentity === undefined ? {} : { sourceIdentity };
    const started = await startRoleSession(services, {
      ...{ role, now, sessionName: input.RoleSessionName },
      durationSeconds: input.DurationSeconds,
      chained: false,
      carried: {
        policies: await sessionPolicies(input, { services, accountId: role.accountId }),
        ...{ tags, transitiveTagKeys, ...source },
        webIdentity: { provider: webIdentity.provider, claims },
      },
    });
    return {
      ...started,
      ...(caller.userName !== undefined && { SubjectFromWebIdentityToken: caller.userName }),
      Provider: webIdentity.provider,
      Audience: audienceOf(claims),
      ...(sourceIdentity !== undefined && { SourceIdentity: sourceIdentity }),
    };
  },

  responseElements: (_call, { Credentials, ...output }) => ({
    ...output,
    Credentials: recordedCredentials(Credentials),
  }),
};

type Token = NonNullable<Principal['session']> & { readonly webIdentity: WebIdentity };

function tokenOf({ session }: Principal): Token {
  if (session?.webIdentity === undefined) throw new Error('the caller has no web identity');
  return { ...session, webIdentity: session.webIdentity };
}

function audienceOf(claims: WebIdentity['claims']): string {
  const [, audience] = Object.entries(claims).find(([key]) => key.endsWith(':aud')) ?? [];
  return [audience].flat()[0] ?? '';
}
