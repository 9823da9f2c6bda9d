import type { Material } from '../../src/keys/material';
import { ciphertextMetadata, materialNamedBy } from '../../src/xks/ciphertext-metadata';

const ids = ['ab'.repeat(32), 'cd'.repeat(32)] as const;
const materials = new Map(ids.map((id) => [id, { id } as Material]));

test('The metadata are a version byte and the first half of the key material id', () => {
  expect(ciphertextMetadata(ids[0]).toString('hex')).toBe(`01${'ab'.repeat(16)}`);
});

test.each(ids)('The metadata of %s name it among the materials of its key', (id) => {
  expect(materialNamedBy(ciphertextMetadata(id), materials)?.id).toBe(id);
});

test.each([
  ['no bytes', ''],
  ['another version', `02${'ab'.repeat(16)}`],
  ['version 0', `00${'ab'.repeat(16)}`],
  ['a byte too few', `01${'ab'.repeat(15)}`],
  ['a byte too many', `01${'ab'.repeat(17)}`],
  ['no more than the version', '01'],
  ['a material that the key does not have', `01${'ef'.repeat(16)}`],
])('Metadata of %s name no material', (_what, hex) => {
  expect(materialNamedBy(Buffer.from(hex, 'hex'), materials)).toBeUndefined();
});
