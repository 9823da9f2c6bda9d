import { refuseMembers } from '../../src/operations/unsupported';
import { refusalOf } from '../support/refusal';

interface Input {
  readonly Recipient?: object;
  readonly XksKeyId?: string;
}

test('the first member that is not served is named', async () => {
  const input: Input = { XksKeyId: '', Recipient: {} };
  expect(await refusalOf(() => refuseMembers(input, ['Recipient', 'XksKeyId']))).toEqual({
    code: 'UnsupportedOperationException',
    message: 'Recipient is not supported.',
  });
});

test('members that are absent, or not asked about, are fine', async () => {
  const input: Input = { XksKeyId: 'x' };
  const { code } = await refusalOf(() => refuseMembers(input, ['Recipient']));
  expect(code).toBe('nothing was thrown');
});
