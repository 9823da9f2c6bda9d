import {
  checkIgnoreCiphertext,
  ignoresCiphertext,
  refuseDryRun,
} from '../../src/operations/dry-run';
import { refusalOf } from '../support/refusal';

const ciphertext = Buffer.from('c');
const modifiers = ['IGNORE_CIPHERTEXT'] as const;
const fine = { code: 'nothing was thrown', message: '' };

test('only DryRun true stops a request', async () => {
  expect(await refusalOf(() => refuseDryRun({}))).toEqual(fine);
  expect(await refusalOf(() => refuseDryRun({ DryRun: false }))).toEqual(fine);
  expect(await refusalOf(() => refuseDryRun({ DryRun: true }))).toEqual({
    code: 'DryRunOperationException',
    message: 'The request would have succeeded, but the DryRun option is set.',
  });
});

test('the ciphertext is ignored in a dry run that says so, and never otherwise', () => {
  expect(ignoresCiphertext({ DryRun: true, DryRunModifiers: modifiers })).toBe(true);
  expect(ignoresCiphertext({ DryRun: false, DryRunModifiers: modifiers })).toBe(false);
  expect(ignoresCiphertext({ DryRunModifiers: modifiers })).toBe(false);
  expect(ignoresCiphertext({ DryRun: true, DryRunModifiers: [] })).toBe(false);
  expect(ignoresCiphertext({ DryRun: true })).toBe(false);
});

test.each([
  ['a ciphertext', {}, { ciphertext, keyId: undefined }, ''],
  [
    'no ciphertext',
    {},
    { ciphertext: undefined, keyId: 'k' },
    "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null",
  ],
  [
    'no ciphertext in an ordinary dry run',
    { DryRun: true },
    { ciphertext: undefined, keyId: 'k' },
    "1 validation error detected: Value null at 'ciphertextBlob' failed to satisfy constraint: Member must not be null",
  ],
  [
    'an ignored ciphertext and a key',
    { DryRun: true, DryRunModifiers: modifiers },
    { ciphertext: undefined, keyId: 'k' },
    '',
  ],
  [
    'an ignored ciphertext and no key',
    { DryRun: true, DryRunModifiers: modifiers },
    { ciphertext, keyId: undefined },
    'A key ID must be specified when the ciphertext is ignored.',
  ],
  [
    'modifiers without a dry run',
    { DryRunModifiers: modifiers },
    { ciphertext, keyId: 'k' },
    'DryRunModifiers can be specified only when DryRun is true.',
  ],
])('a request with %s', async (_what, input, given, message) => {
  expect(await refusalOf(() => checkIgnoreCiphertext(input, given))).toEqual(
    message === '' ? fine : { code: 'ValidationException', message },
  );
});
