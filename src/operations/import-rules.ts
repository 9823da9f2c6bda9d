import { invalidMember, refusedMember } from '../errors';
import type { Key } from '../keys/key';
import type { ExpirationModelType, ImportType } from '../shapes/kms.generated';

interface ImportInput {
  readonly ExpirationModel?: ExpirationModelType;
  readonly ValidTo?: Date;
  readonly ImportType?: ImportType;
  readonly KeyMaterialId?: string;
  readonly KeyMaterialDescription?: string;
}

/** Longest life of material that expires (kms-semantics §9.2). */
const maxLifeMs = 365 * 24 * 3600 * 1000;

/** The ExpirationModel of a request that names none. */
export const defaultExpirationModel = 'KEY_MATERIAL_EXPIRES';

/** What needs no key (kms-semantics §9.2). */
export function checkImportRequest(input: ImportInput): void {
  checkExpiration(input);
  if (input.ImportType === 'NEW_KEY_MATERIAL' && input.KeyMaterialId !== undefined) {
    throw invalidMember(
      'KeyMaterialId',
      'You cannot specify a KeyMaterialId when the ImportType is NEW_KEY_MATERIAL',
    );
  }
}

function checkExpiration({
  ExpirationModel = defaultExpirationModel,
  ValidTo: validTo,
}: ImportInput): void {
  if (ExpirationModel === 'KEY_MATERIAL_DOES_NOT_EXPIRE') {
    if (validTo === undefined) return;
    throw invalidMember(
      'ValidTo',
      'A validTo date must not be set if the ExpirationModel is KEY_MATERIAL_DOES_NOT_EXPIRE',
    );
  }
  if (validTo === undefined) {
    throw invalidMember(
      'ValidTo',
      'A validTo date must be set if the ExpirationModel is KEY_MATERIAL_EXPIRES',
    );
  }
  const life = validTo.getTime() - Date.now();
  if (life <= 0) throw invalidMember('ValidTo', 'ValidTo must be in the future');
  if (life > maxLifeMs) throw invalidMember('ValidTo', 'ValidTo must be within 365 days');
}

const ofSymmetricKeys = ['ImportType', 'KeyMaterialId', 'KeyMaterialDescription'] as const;

/** Only symmetric encryption keys have more than one material (kms-semantics §9.2). */
export function requireMembersOfSpec({ keySpec }: Key, input: ImportInput): void {
  if (keySpec === 'SYMMETRIC_DEFAULT') return;
  const member = ofSymmetricKeys.find((name) => input[name] !== undefined);
  if (member === undefined) return;
  throw refusedMember(
    'UnsupportedOperationException',
    member,
    `${member} is only valid for symmetric encryption KMS keys.`,
  );
}
