import { KmsError } from '../../errors';
import type { Call, Operation } from '../../operation';
import { roleDenied } from '../../policy/authorize';
import type { Principal } from '../../policy/principal';
import { refuseMembers } from '../unsupported';
import { authorizedRole, roleActions } from './role-actions';
import { accountOfRole } from './role-arn';
import { recordedCredentials, startRoleSession } from './role-session';
import { checkSessionPolicies, sessionPolicies } from './session-policies';
import { checkSessionTags, sessionTags, tagConditions } from './session-tags';

const action = 'sts:AssumeRole';

export const assumeRole: Operation<'AssumeRole'> = {
  name: 'AssumeRole',
  readOnly: true,
  audited: [
    'RoleArn',
    'RoleSessionName',
    'PolicyArns',
    'Policy',
    'DurationSeconds',
    'Tags',
    'TransitiveTagKeys',
    'ExternalId',
    'SourceIdentity',
  ],
  check(input) {
    refuseMembers(input, ['SerialNumber', 'TokenCode', 'ProvidedContexts']);
    checkSessionPolicies(input);
    checkSessionTags(input);
  },

  async accountActions({ input, caller, services }) {
    if (accountOfRole(input.RoleArn, services.place) === undefined) {
      throw new KmsError('ValidationException', `${input.RoleArn} is invalid`);
    }
    requireAssuming(caller);
    const source = sourceIdentity({ input, caller });
    const { tags, transitiveTagKeys } = sessionTags(input, caller);
    const asked = Object.fromEntries((input.Tags ?? []).map(({ Key, Value }) => [Key, Value]));
    return roleActions(input, {
      ...{ caller, services, action, roleArn: input.RoleArn },
      tagged: Object.keys(tags).length > 0,
      sourceIdentity: source !== undefined,
      conditions: {
        'sts:ExternalId': input.ExternalId,
        'sts:RoleSessionName': input.RoleSessionName,
        'sts:SourceIdentity': source,
        ...tagConditions(asked, transitiveTagKeys),
      },
    });
  },

  async run({ input, caller, services, now }) {
    const role = authorizedRole(input);
    const { accountId } = role;
    const source = sourceIdentity({ input, caller });
    const started = await startRoleSession(services, {
      ...{ role, now, sessionName: input.RoleSessionName },
      durationSeconds: input.DurationSeconds,
      chained: caller.kind === 'assumed-role',
      carried: {
        policies: await sessionPolicies(input, { services, accountId }),
        ...sessionTags(input, caller),
        ...(source !== undefined && { sourceIdentity: source }),
      },
    });
    return { ...started, ...(source !== undefined && { SourceIdentity: source }) };
  },

  responseElements: (_call, { Credentials, ...output }) => ({
    ...output,
    Credentials: recordedCredentials(Credentials),
  }),
};

function requireAssuming(caller: Principal): void {
  if (caller.kind === 'root') {
    throw new KmsError('AccessDeniedException', 'Roles may not be assumed by root accounts.');
  }
}

/** Once set it stays, whatever roles are assumed with it. */
function sourceIdentity({
  input,
  caller,
}: Pick<Call<'AssumeRole'>, 'input' | 'caller'>): string | undefined {
  const inherited = caller.session?.sourceIdentity;
  const asked = input.SourceIdentity;
  if (inherited !== undefined && asked !== undefined && asked !== inherited) {
    throw roleDenied(caller, 'sts:SetSourceIdentity', input.RoleArn);
  }
  return inherited ?? asked;
}
