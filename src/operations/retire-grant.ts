import { type KmsError, invalidMember } from '../errors';
import type { Grant } from '../keys/grants';
import type { Key } from '../keys/key';
import type { Call, Operation, Target } from '../operation';
import { hiddenKey } from '../policy/authorize';
import { retirement } from '../policy/grants';
import { checkGrantId, constraintType, contextOf, grantNotFound } from './grant-rules';
import { removeGrant } from './revoke-grant';
import { onlyKey } from './targets';

const action = 'kms:RetireGrant';

export const retireGrant: Operation<'RetireGrant'> = {
  name: 'RetireGrant',
  rest: {
    method: 'POST',
    path: '/grants/retire',
    summary: 'Retires a grant, as whoever it names for that.',
  },
  readOnly: false,
  // Nothing of the request is recorded (kms-semantics §16.3).
  audited: [],
  crossAccount: true,
  check({ GrantToken, GrantId, KeyId }) {
    const byIds = KeyId !== undefined && GrantId !== undefined;
    const byToken = KeyId === undefined && GrantId === undefined && GrantToken !== undefined;
    if (!byToken && (!byIds || GrantToken !== undefined)) {
      throw invalidMember('GrantToken', 'Grant token OR (grant ID, key ID) must be specified');
    }
    if (GrantId !== undefined) checkGrantId(GrantId);
  },
  targets,
  requires: { state: 'any' },

  async write(call, change) {
    const { input, keys, services } = call;
    const { keyId } = onlyKey(keys);
    const grantId = await grantIdOf(call);
    await removeGrant(services, change, { keyId, grantId, dryRun: input });
    change.note({ GrantId: grantId });
    return {};
  },
};

/** The grant itself says who may retire it; the key's policy has no word (kms-semantics §7.5). */
async function targets(call: Call<'RetireGrant'>): Promise<readonly Target[]> {
  const grantId = await grantIdOf(call);
  const key = await keyOf(call, grantId);
  const { grants, db } = call.services;
  const grant = await grants.find(db, { keyId: key.keyId, grantId });
  if (grant === undefined) throw notFound(call, key, grantId);
  return [
    {
      key,
      action,
      decidedBy: retirement(grant),
      conditions: { 'kms:GrantConstraintType': constraintType(grant.constraints) },
      encryptionContext: contextOf(grant.constraints),
    },
  ];
}

async function grantIdOf({ input, services }: Call<'RetireGrant'>): Promise<Grant['grantId']> {
  if (input.GrantToken === undefined) return input.GrantId ?? '';
  return (await services.grantTokens.open(input.GrantToken)).grantId;
}

async function keyOf(
  { input, caller, services }: Call<'RetireGrant'>,
  grantId: string,
): Promise<Key> {
  if (input.GrantToken === undefined) {
    return (await services.finder.resolveKeyOnly(input.KeyId ?? '', { caller, action })).key;
  }
  const { keyId } = await services.grantTokens.open(input.GrantToken);
  const key = await services.finder.byId(keyId);
  if (key === undefined) throw grantNotFound(grantId);
  return key;
}

/** Whoever made up an id for another account's key is not told that there is such a key (kms-semantics §2.4). */
function notFound({ input, caller }: Call<'RetireGrant'>, key: Key, grantId: string): KmsError {
  return input.GrantToken === undefined && key.accountId !== caller.accountId
    ? hiddenKey(caller, action)
    : grantNotFound(grantId);
}
