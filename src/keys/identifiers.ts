import { KmsError, refusedMember } from '../errors';

/** Where Claviger serves: what an ARN is built from. */
export interface Place {
  readonly partition: string;
  readonly region: string;
}

/** A KeyId member, understood: a key or an alias, in an account. */
export type KeyReference =
  | {
      readonly kind: 'key';
      readonly accountId: string;
      readonly keyId: string;
      readonly arn: string;
    }
  | {
      readonly kind: 'alias';
      readonly accountId: string;
      readonly aliasName: string;
      readonly arn: string;
    };

const uuid = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const multiRegionId = /^mrk-[0-9a-f]{32}$/i;
const aliasForm = /^alias\/[a-zA-Z0-9:/_-]{1,250}$/;
const arnForm = /^arn:([^:]*):kms:([^:]*):([^:]*):(key|alias)\/(.*)$/s;

export function keyArn(place: Place, accountId: string, keyId: string): string {
  return `arn:${place.partition}:kms:${place.region}:${accountId}:key/${keyId}`;
}

export function aliasArn(place: Place, accountId: string, aliasName: string): string {
  return `arn:${place.partition}:kms:${place.region}:${accountId}:${aliasName}`;
}

export function accountRootArn(place: Place, accountId: string): string {
  return `arn:${place.partition}:iam::${accountId}:root`;
}

/**
 * Reads a key id, key ARN, alias name or alias ARN (kms-semantics §2.1). A bare id or alias name belongs to the
 * caller's account. Throws NotFoundException with the texts of §2.3, InvalidArnException for what is no KMS ARN.
 */
export function parseKeyReference(
  value: string,
  place: Place,
  callerAccountId: string,
  member = 'KeyId',
): KeyReference {
  if (value.startsWith('arn:')) return parseArn(value, place, member);
  if (value.startsWith('alias/')) {
    return aliasReference(place, callerAccountId, value);
  }
  if (isKeyId(value)) return keyReference(place, callerAccountId, value);
  throw new KmsError('NotFoundException', `Invalid keyId '${value}'`);
}

/** An alias name or alias ARN, of whatever account and Region, existing or not. */
export function namesAlias(value: string): boolean {
  return value.startsWith('alias/') || arnForm.exec(value)?.[4] === 'alias';
}

/** As parseKeyReference, for the operations that take no alias: InvalidArnException before any look-up (§2.3). */
export function parseKeyOnlyReference(
  value: string,
  place: Place,
  callerAccountId: string,
  member = 'KeyId',
): KeyReference & { kind: 'key' } {
  if (namesAlias(value)) {
    throw invalidArn(member, 'Key Aliases are not supported for this operation.');
  }
  const reference = parseKeyReference(value, place, callerAccountId, member);
  if (reference.kind !== 'key') throw invalidArn(member, `Invalid arn ${value}`);
  return reference;
}

function parseArn(value: string, place: Place, member: string): KeyReference {
  const [, partition, region, accountId, type, rest] = arnForm.exec(value) ?? [];
  if (partition === undefined || region === undefined || accountId === undefined) {
    throw invalidArn(member, `Invalid arn ${value}`);
  }
  if (partition !== place.partition || region !== place.region) {
    throw new KmsError('NotFoundException', `Invalid arn ${region}`);
  }
  if (!/^[0-9]{12}$/.test(accountId)) {
    throw invalidArn(member, `Invalid arn ${value}`);
  }
  const name = rest ?? '';
  if (type === 'alias') return aliasReference(place, accountId, `alias/${name}`);
  if (!isKeyId(name)) throw new KmsError('NotFoundException', `Invalid keyId ${name}`);
  return keyReference(place, accountId, name);
}

function invalidArn(member: string, message: string): KmsError {
  return refusedMember('InvalidArnException', member, message);
}

/** A KeyId may be any ASCII; what no alias can be called (kms-semantics §13.1) need not reach the database. */
export function isAliasName(value: string): boolean {
  return aliasForm.test(value);
}

function isKeyId(value: string): boolean {
  return uuid.test(value) || multiRegionId.test(value);
}

function keyReference(place: Place, accountId: string, id: string): KeyReference {
  const keyId = id.toLowerCase();
  return { kind: 'key', accountId, keyId, arn: keyArn(place, accountId, keyId) };
}

function aliasReference(place: Place, accountId: string, aliasName: string): KeyReference {
  return { kind: 'alias', accountId, aliasName, arn: aliasArn(place, accountId, aliasName) };
}
