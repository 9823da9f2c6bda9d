import { checkDescription } from '../../src/keys/description';
import { refusalOf } from '../support/refusal';

test.each([undefined, '', 'plain', 'two\nlines', '\u{1f511}', '\u0001'])(
  'the description %j is taken',
  async (Description) => {
    const input = Description === undefined ? {} : { Description };
    expect((await refusalOf(() => checkDescription(input))).code).toBe('nothing was thrown');
  },
);

test.each(['\0', 'a\0b'])('the description %j is refused without its text', async (Description) => {
  expect(await refusalOf(() => checkDescription({ Description }))).toEqual({
    code: 'ValidationException',
    message:
      "1 validation error detected: Value at 'description' failed to satisfy constraint: Member must not contain U+0000",
  });
});
