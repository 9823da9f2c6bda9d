import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';

/* What scripts/test-token says of a token before it tries it. */

let hsm: SoftHsm;
beforeAll(async () => {
  hsm = await makeSoftHsm();
});
afterAll(() => hsm.remove());

const script = path.resolve(__dirname, '..', '..', 'scripts', 'tokens', 'reach.js');

function reach(different: Readonly<Record<string, string>>): { status: unknown; stderr: string } {
  const { module, label, pinFile } = hsm;
  const given = { name: label, module, label, pinFile, ...different };
  const { status, stderr } = spawnSync(process.execPath, [script], {
    encoding: 'utf8',
    env: { ...process.env, SOFTHSM2_CONF: hsm.conf, CLAVIGER_TEST_TOKEN: JSON.stringify(given) },
  });
  return { status, stderr };
}

test('nothing of a token that is there', () => {
  expect(reach({})).toEqual({ status: 0, stderr: '' });
});

test('one sentence of one that is not, or that refuses the PIN', () => {
  const refused = (reason: string) => ({
    status: 1,
    stderr: `claviger: the token cannot be used: ${reason}\n`,
  });
  const wrongPin = path.join(path.dirname(hsm.pinFile), 'wrong-pin');
  writeFileSync(wrongPin, '0000', { mode: 0o600 });
  expect(reach({ pinFile: wrongPin })).toEqual(refused('C_Login: CKR_PIN_INCORRECT'));
  expect(reach({ label: 'nope' })).toEqual(refused('no token with label "nope"'));
  expect(reach({ module: __filename })).toMatchObject({
    status: 1,
    stderr: expect.stringContaining(`PKCS#11 module ${__filename} cannot be loaded`) as string,
  });
});
