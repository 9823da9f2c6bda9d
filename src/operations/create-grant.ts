import { grantChangeId } from '../keys/grant-finder';
import type { NewGrant } from '../keys/grants';
import { requireRoom } from '../keys/limits';
import type { Call, Operation, Target, TargetedCall } from '../operation';
import type { Conditions } from '../policy/policy';
import { refuseDryRun } from './dry-run';
import { requirePrincipal, requireService } from './grant-principals';
import {
  checkGrantOfKey,
  checkGrantRequest,
  constraintType,
  constraintsOf,
  contextOf,
  resourceCondition,
} from './grant-rules';
import { onlyKey } from './targets';

const action = 'kms:CreateGrant';

export const createGrant: Operation<'CreateGrant'> = {
  name: 'CreateGrant',
  rest: {
    method: 'POST',
    path: '/keys/{KeyId}/grants',
    location: '/keys/{KeyId}/grants/{GrantId}',
    idempotencyKey: true,
    summary: 'Lets a principal use a key, until the grant is revoked or retired.',
  },
  readOnly: false,
  audited: [
    'KeyId',
    'GranteePrincipal',
    'GranteeServicePrincipal',
    'RetiringPrincipal',
    'RetiringServicePrincipal',
    'Operations',
    'Constraints',
    'Name',
    'DryRun',
  ],
  crossAccount: true,
  check: checkGrantRequest,
  conditions,
  targets,
  requires: { state: 'grantable' },
  verify: ({ input, keys }) => checkGrantOfKey(onlyKey(keys), input),

  async write(call, { transaction }) {
    const { services, input } = call;
    const grant = newGrant(call);
    for (const member of ['GranteePrincipal', 'RetiringPrincipal'] as const) {
      const arn = input[member];
      if (arn !== undefined) await requirePrincipal(transaction, services.place, { arn, member });
    }
    for (const member of ['GranteeServicePrincipal', 'RetiringServicePrincipal'] as const) {
      const name = input[member];
      if (name !== undefined) await requireService(transaction, { name, member });
    }
    // The key is locked, so nobody else makes the same one meanwhile, nor one too many.
    const same =
      grant.name === undefined ? undefined : await services.grants.findSame(transaction, grant);
    if (same === undefined) {
      const current = await services.grants.count(transaction, grant.keyId);
      requireRoom(services.limits, 'grantsPerKey', current);
    }
    refuseDryRun(input);
    if (same === undefined) await services.grants.insert(transaction, grant);
    // One that was there too: workers may not have acknowledged the request that made it.
    transaction.announce({ topic: 'grant', id: grantChangeId(grant) });
    const { grantId, keyId } = same ?? grant;
    const token = await services.grantTokens.seal({ grantId, keyId }, transaction);
    return { GrantId: grantId, GrantToken: token };
  },
  responseElements: ({ keys }, { GrantId }) => ({ GrantId, KeyId: onlyKey(keys).arn }),
};

/** The new grant's own encryption context stands for the request's in policies (kms-semantics §6.8). */
async function targets({
  input,
  caller,
  services,
}: Call<'CreateGrant'>): Promise<readonly Target[]> {
  const constraints = constraintsOf(input);
  const found = await services.finder.resolveKeyOnly(input.KeyId, { caller, action });
  return [
    {
      ...found,
      encryptionContext: contextOf(constraints),
      childGrant: { operations: input.Operations, constraints },
    },
  ];
}

function conditions({ input, caller }: Call<'CreateGrant'>): Conditions {
  const { Constraints: constraints } = input;
  return {
    ...resourceCondition(caller),
    'kms:GrantConstraintType': constraintType(constraints),
    'kms:GrantConstraintSourceArn': constraints?.SourceArn,
    'kms:GrantOperations': [...new Set(input.Operations)],
    'kms:GranteePrincipal': input.GranteePrincipal,
    'kms:GranteeServicePrincipal': input.GranteeServicePrincipal,
    'kms:RetiringPrincipal': input.RetiringPrincipal,
    'kms:RetiringServicePrincipal': input.RetiringServicePrincipal,
  };
}

function newGrant({ input, caller, keys, services }: TargetedCall<'CreateGrant'>): NewGrant {
  const grantee = input.GranteePrincipal ?? input.GranteeServicePrincipal;
  if (grantee === undefined) throw new Error('a grant without a grantee passed its checks');
  return {
    grantId: services.token.generateRandom(32).toString('hex'),
    keyId: onlyKey(keys).keyId,
    name: input.Name,
    grantee,
    retiringPrincipal: input.RetiringPrincipal ?? input.RetiringServicePrincipal,
    issuingAccount: caller.accountId,
    operations: [...new Set(input.Operations)],
    constraints: constraintsOf(input),
  };
}
