import { KmsError } from '../errors';
import type { EntityKind } from './arns';

const titles = { user: 'User', role: 'Role', group: 'Group' } as const satisfies Record<
  EntityKind,
  string
>;

export function noSuchEntity(kind: EntityKind, name: string): KmsError {
  return new KmsError('NoSuchEntity', `The ${kind} with name ${name} cannot be found.`);
}

export function entityExists(kind: EntityKind, name: string): KmsError {
  return new KmsError('EntityAlreadyExists', `${titles[kind]} with name ${name} already exists.`);
}

/** What still hangs on an entity that is to be deleted, in IAM's words. */
const obstacles = {
  attachments: 'must detach all policies first',
  members: 'must remove users from group first',
  accessKeys: 'must delete access keys first',
  inlinePolicies: 'must delete policies first',
} as const satisfies Record<string, string>;

export type Obstacle = keyof typeof obstacles;

export function deleteConflict(obstacle: Obstacle): KmsError {
  return new KmsError('DeleteConflict', `Cannot delete entity, ${obstacles[obstacle]}.`);
}

/** Postgres keeps no U+0000 in text, and the model has no pattern for some texts. Throws InvalidInput. */
export function refuseNul(member: string, texts: readonly string[]): void {
  if (!texts.some((text) => text.includes('\0'))) return;
  throw new KmsError('InvalidInput', `${member} cannot contain the character U+0000.`);
}
