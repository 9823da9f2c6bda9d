import { requireRoom } from '../../src/keys/limits';
import { refusalOf } from '../support/refusal';

const limits = {
  keysPerAccount: 7,
  aliasesPerKey: 50,
  grantsPerKey: 3,
  importParametersPerAccount: 5,
  customKeyStoresPerAccount: 10,
  apiTokensPerPrincipal: 3,
  keyPolicyBytes: 1024,
};

test.each([
  ['keysPerAccount', 'Key quota for this account in this region is 7, current usage is 7.'],
  [
    'aliasesPerKey',
    'Aliases per key quota for this account in this region is 50, current usage is 50.',
  ],
  [
    'grantsPerKey',
    'Grants per key quota for this account in this region is 3, current usage is 3.',
  ],
] as const)('%s: there is room below the limit, and none at it', async (name, message) => {
  requireRoom(limits, name, limits[name] - 1);
  expect(await refusalOf(() => requireRoom(limits, name, limits[name]))).toEqual({
    code: 'LimitExceededException',
    message,
  });
});

test('A limit that was lowered is told with what there is', async () => {
  expect(await refusalOf(() => requireRoom(limits, 'grantsPerKey', 60))).toEqual({
    code: 'LimitExceededException',
    message: 'Grants per key quota for this account in this region is 3, current usage is 60.',
  });
});
