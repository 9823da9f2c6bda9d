import { createHash, randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { openToken, type ImportAlgorithm, type ImportedKey, type Token } from '../../hsm/index';
import { importAlgorithms, wrapMaterial } from '../support/imports';
import { expectSameKey } from '../support/material-uses';
import { makeMaterial, type Material, materialKinds } from '../support/materials';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenObjects, type TokenObjects } from '../support/token-objects';
import { tokenOptions } from '../support/token-options';

let hsm: SoftHsm;
let token: Token;
let objects: TokenObjects;
const pair = { id: randomBytes(32).toString('hex'), publicKey: Buffer.alloc(0) as Buffer };

beforeAll(async () => {
  hsm = await makeSoftHsm();
  token = await openToken(tokenOptions(hsm));
  objects = tokenObjects(hsm);
  pair.publicKey = await token.generateImportKeyPair(pair.id, 'claviger:import:test', {
    bits: 3072,
  });
});

afterAll(async () => {
  await token.close();
  await hsm.remove();
});

function imported(algorithm: ImportAlgorithm, material: Material, keyId: string): ImportedKey {
  const encrypted = wrapMaterial(algorithm, pair.publicKey, material.bytes);
  return { importKeyId: pair.id, algorithm, encrypted, kind: material.kind, keyId };
}

const cases = materialKinds.flatMap((kind) =>
  importAlgorithms
    .filter((algorithm) => !kind.spec.startsWith('RSA_') || algorithm.startsWith('RSA_AES'))
    .map((algorithm) => [algorithm, kind.spec, kind.usage, kind] as const),
);

test.each(cases)('%s brings %s for %s into the token', async (algorithm, _spec, _usage, kind) => {
  const material = makeMaterial(kind);
  const keyId = randomBytes(8).toString('hex');
  const { id } = await token.identifyImport(imported(algorithm, material, keyId));
  expect(id).toMatch(/^[0-9a-f]{64}$/);
  const place = { label: `claviger/test/${keyId}` };
  expect(await token.admitImport(imported(algorithm, material, keyId), id, place)).toBeUndefined();
  const object = objects.one(id);
  expectSameKey(objects, object, material);
  expect(objects.read(object, pkcs11.CKA_LABEL).toString()).toBe(place.label);
  expect(createHash('sha256').update(material.bytes).digest('hex')).not.toBe(id);
});
