import { type Place, accountRootArn } from '../keys/identifiers';
import type { PrincipalNames } from './policy';
import type { Principal } from './principal';

const noNames: PrincipalNames = {
  caller: [],
  role: undefined,
  account: undefined,
  uniqueId: undefined,
  service: undefined,
  federated: undefined,
};

/** Principals are made once a credential and used for many requests. */
const known = new WeakMap<Principal, PrincipalNames>();

/** The ways in which a Principal element may name the caller (kms-semantics §6.5). */
export function principalNames(caller: Principal, place: Place): PrincipalNames {
  let names = known.get(caller);
  if (names === undefined) {
    names = namesOf[caller.kind](caller, accountRootArn(place, caller.accountId));
    known.set(caller, names);
  }
  return names;
}

type Naming = (caller: Principal, account: string) => PrincipalNames;

const namesOf: Readonly<Record<Principal['kind'], Naming>> = {
  // The ARN of a root is the account's: it delegates, to the root too, which may do all that is delegated.
  root: (_caller, account) => ({ ...noNames, account }),
  user: ({ arn, principalId }, account) => ({
    ...noNames,
    caller: [arn],
    account,
    uniqueId: principalId,
  }),
  'assumed-role': ({ arn, session }, account) => ({
    ...noNames,
    caller: [arn],
    role: session?.role?.arn,
    account,
    uniqueId: session?.role?.roleId,
  }),
  service: ({ arn }) => ({ ...noNames, service: arn }),
  'web-identity': ({ arn }) => ({ ...noNames, federated: arn }),
};
