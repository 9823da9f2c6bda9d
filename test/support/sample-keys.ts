import { residentKey } from '../../hsm';
import type { Key } from '../../src/keys/key';
import { type Place, accountRootArn, keyArn } from '../../src/keys/identifiers';
import { compileKeyPolicy, defaultKeyPolicy } from '../../src/policy/compile';
import { noIdentity } from '../../src/policy/identity';
import type { Principal } from '../../src/policy/principal';

export const place: Place = { partition: 'aws', region: 'us-east-1' };
export const accountId = '111122223333';
export const otherAccountId = '444455556666';

export function rootOf(account: string): Principal {
  return {
    kind: 'root',
    accountId: account,
    arn: accountRootArn(place, account),
    principalId: account,
    userName: undefined,
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  };
}

export function userOf(account: string, name: string): Principal {
  return {
    kind: 'user',
    accountId: account,
    arn: `arn:aws:iam::${account}:user/${name}`,
    principalId: 'AIDACKCEVSQ6C2EXAMPLE',
    userName: name,
    accessKeyId: 'AKIAI44QH8DHBEXAMPLE',
  };
}

export const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
export const materialId = '0123456789abcdef'.repeat(4);

/** Resident materials of a key, the last one current; undefined where there are none. */
export function materialsOf(ids: readonly string[]): Pick<Key, 'currentMaterial' | 'materials'> {
  const materials = ids.map((id, at) => ({
    ...residentKey(id),
    state: at === ids.length - 1 ? ('CURRENT' as const) : ('NON_CURRENT' as const),
    imported: undefined,
    publicKey: undefined,
  }));
  return {
    currentMaterial: materials.at(-1),
    materials: new Map(materials.map((material) => [material.id, material])),
  };
}

/** An enabled symmetric key of `accountId` with the default policy, and with what a test wants different. */
export function keyWith(different: Partial<Key> & { readonly policyText?: string } = {}): Key {
  const { policyText, ...members } = different;
  const arn = keyArn(place, members.accountId ?? accountId, members.keyId ?? keyId);
  const text = policyText ?? defaultKeyPolicy(place, members.accountId ?? accountId);
  return {
    keyId,
    accountId,
    arn,
    description: '',
    keySpec: 'SYMMETRIC_DEFAULT',
    keyUsage: 'ENCRYPT_DECRYPT',
    origin: 'AWS_KMS',
    customKeyStore: undefined,
    xksKeyId: undefined,
    keyManager: 'CUSTOMER',
    tags: [],
    aliases: [],
    state: 'Enabled',
    multiRegion: false,
    createdAt: new Date('2026-01-02T03:04:05.678Z'),
    deletionDate: undefined,
    policy: compileKeyPolicy(text, place),
    ...materialsOf([materialId]),
    lapsesAt: undefined,
    rotation: undefined,
    ...members,
  };
}

/** What every call is given of its request. */
export const callFacts = {
  identity: noIdentity,
  origin: { sourceIp: '127.0.0.1', secureTransport: false, userAgent: undefined, tls: undefined },
  requestId: 'the-request',
  now: new Date('2026-11-24T12:00:00Z'),
};
