import type { KeyState, OriginType } from '@aws-sdk/client-kms';

export const keyStates = [
  'Enabled',
  'Disabled',
  'PendingDeletion',
  'PendingReplicaDeletion',
  'PendingImport',
  'Unavailable',
  'Creating',
  'Updating',
] as const satisfies readonly KeyState[];

/** The columns of kms-semantics §1.3; two states share one. */
const columns: Readonly<Record<KeyState, number>> = {
  Enabled: 0,
  Disabled: 1,
  PendingDeletion: 2,
  PendingReplicaDeletion: 2,
  PendingImport: 3,
  Unavailable: 4,
  Creating: 5,
  Updating: 6,
};

const both: readonly OriginType[] = ['AWS_KMS', 'EXTERNAL'];

/** Which keys can be in a state (kms-semantics §1.1). */
export const originsIn: Readonly<Record<KeyState, readonly OriginType[]>> = {
  Enabled: both,
  Disabled: both,
  PendingDeletion: both,
  PendingReplicaDeletion: both,
  PendingImport: ['EXTERNAL'],
  Unavailable: ['AWS_CLOUDHSM'],
  Creating: both,
  Updating: both,
};

/** A line of the table as it stands there, without the name of the operation. */
export type Cells = `| ${string} |`;

interface Standing {
  readonly arn: string;
  readonly state: KeyState;
  readonly origin: OriginType;
}

type Text = (key: Standing) => string;

const refusal =
  (code: string, predicate: string): Text =>
  ({ arn }) =>
    `${code} ${arn} is ${predicate}.`;
const pendingDeletion = refusal('KMSInvalidStateException', 'pending deletion');

/** Code and text of the numbers in kms-semantics §1.2 that are about the state; 8 is 3, of imported keys alone. */
const ofState: Readonly<Record<string, Text>> = {
  ok: () => 'ok',
  1: refusal('DisabledException', 'disabled'),
  3: pendingDeletion,
  4: refusal('KMSInvalidStateException', 'not pending deletion'),
  5: refusal('KMSInvalidStateException', 'pending import'),
  8: pendingDeletion,
  10: pendingDeletion,
  11: refusal('KMSInvalidStateException', 'unavailable'),
  14: refusal('KMSInvalidStateException', 'creating'),
  15: refusal('KMSInvalidStateException', 'updating'),
};

const originText: Text = ({ arn, origin }) =>
  `UnsupportedOperationException ${arn} origin is ${origin} which is not valid for this operation.`;

/** Those that are about the origin, and which origin each leaves alone. */
const ofOrigin: Readonly<Record<string, OriginType>> = {
  6: 'AWS_KMS',
  7: 'AWS_KMS',
  9: 'EXTERNAL',
};

/**
 * What the table says of a key; undefined where it says that there is no such key. Where state and origin both refuse,
 * the origin is told: `1 or 7`, `3 or 7`, `8/9`.
 */
export function outcomeIn(cells: Cells, key: Standing): string | undefined {
  const cell = cells.split('|')[columns[key.state] + 1]?.trim();
  if (cell === undefined) throw new Error(`The row ${cells} has no column for ${key.state}`);
  if (cell === 'n/a') return undefined;
  const marks = cell.split(/ or |\//);
  if (marks.some((mark) => mark in ofOrigin && ofOrigin[mark] !== key.origin)) {
    return originText(key);
  }
  const [mark] = marks.filter((each) => !(each in ofOrigin));
  const text = ofState[mark ?? ''];
  if (text === undefined) throw new Error(`The cell ${cell} says nothing of ${key.origin}`);
  return text(key);
}
