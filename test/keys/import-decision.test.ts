import { residentKey } from '../../hsm';
import { type AskedImport, decideImport } from '../../src/keys/import-decision';
import type { Key } from '../../src/keys/key';
import type { Material } from '../../src/keys/material';
import type { KeyMaterialState } from '../../src/shapes/kms.generated';
import { refusalOf } from '../support/refusal';
import { keyWith } from '../support/sample-keys';

const [a, b, c] = ['a', 'b', 'c'].map((digit) => digit.repeat(64)) as [string, string, string];
const incorrect = { code: 'IncorrectKeyMaterialException', message: '' };

function keyOf(states: Readonly<Record<string, KeyMaterialState>>): Key {
  const materials = Object.entries(states).map(([id, state]): [string, Material] => [
    id,
    { ...residentKey(id), state, imported: undefined, publicKey: undefined },
  ]);
  return keyWith({ origin: 'EXTERNAL', materials: new Map(materials) });
}

const ask = (materialId: string, more: Partial<AskedImport> = {}): AskedImport => ({
  ...{ materialId, importType: undefined, expectedId: undefined, ...more },
});
const NEW = { importType: 'NEW_KEY_MATERIAL' } as const;
const EXISTING = { importType: 'EXISTING_KEY_MATERIAL' } as const;

const never = keyOf({});
const once = keyOf({ [a]: 'CURRENT' });
const waiting = keyOf({ [a]: 'CURRENT', [b]: 'PENDING_ROTATION' });
const rotated = keyOf({ [a]: 'NON_CURRENT', [b]: 'CURRENT' });

const accepted: readonly (readonly [string, Key, AskedImport, string])[] = [
  ['the first', never, ask(a), 'first'],
  ['the first, said to be new', never, ask(a, NEW), 'first'],
  ['the same again', once, ask(a), 'again'],
  ['the same again, said to exist', once, ask(a, EXISTING), 'again'],
  ['the same again, by its id', once, ask(a, { expectedId: a }), 'again'],
  ['another one, said to be new', once, ask(b, NEW), 'new'],
  ['one that waits for a rotation, again', waiting, ask(b), 'again'],
  ['one that was rotated away, again', rotated, ask(a), 'again'],
  ['a third, said to be new', rotated, ask(c, NEW), 'new'],
];
test.each(accepted)('%s is accepted', (_title, key, asked, kind) => {
  const decision = decideImport(key, asked);
  expect(decision.kind).toBe(kind);
  if (decision.kind === 'again') expect(decision.material.id).toBe(asked.materialId);
});

const refused: readonly (readonly [string, Key, AskedImport])[] = [
  ['the first, said to exist', never, ask(a, EXISTING)],
  ['the first, by an id', never, ask(a, { expectedId: a })],
  ['another one', once, ask(b)],
  ['another one, said to exist', once, ask(b, EXISTING)],
  ['the same, by another id', rotated, ask(a, { expectedId: b })],
  ['the same, by an id that the key does not have', once, ask(a, { expectedId: c })],
  ['the same, said to be new', once, ask(a, NEW)],
  ['one that waits for a rotation, said to be new', waiting, ask(b, NEW)],
  ['one that was rotated away, said to be new', rotated, ask(a, NEW)],
];
test.each(refused)('%s is not the material that was asked for', async (_title, key, asked) => {
  expect(await refusalOf(() => decideImport(key, asked))).toEqual(incorrect);
});

test('while one waits for a rotation no other can be new', async () => {
  expect(await refusalOf(() => decideImport(waiting, ask(c, NEW)))).toEqual({
    code: 'KMSInvalidStateException',
    message: `New key material (id: ${c}) cannot be imported into KMS key ${waiting.arn}, because another key material (id: ${b}) is pending rotation.`,
  });
});
