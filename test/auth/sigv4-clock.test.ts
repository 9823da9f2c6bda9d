import { parseSigningTime, requireCurrent } from '../../src/auth/sigv4-clock';
import { thrownBy } from './thrown';

const NOW = Date.UTC(2015, 7, 30, 12, 36, 0);

test.each(['20150830T123600Z', 'Sun, 30 Aug 2015 12:36:00 GMT'])('%s is a signing time', (text) => {
  expect(parseSigningTime(text)).toEqual({ iso: '20150830T123600Z', seconds: NOW / 1000 });
});

test.each([
  '',
  '2015-08-30T12:36:00Z',
  '20150830T123600',
  '20151330T123600Z',
  '20150830T243600Z',
  '20150830T123660Z',
  '20150830T123600Z,20150830T123600Z',
  'Sun, 99 Aug 2015 12:36:00 GMT',
  '1440938160',
])('%j is no signing time', (text) => {
  expect(thrownBy(() => parseSigningTime(text))).toEqual({
    code: 'IncompleteSignatureException',
    message: `Date must be in ISO-8601 'basic format'. Got '${text}'. See http://en.wikipedia.org/wiki/ISO_8601`,
  });
});

test('a signing time is good for five minutes on either side, to the second', () => {
  expect(() => requireCurrent(parseSigningTime('20150830T123100Z'), NOW + 999)).not.toThrow();
  expect(() => requireCurrent(parseSigningTime('20150830T124100Z'), NOW)).not.toThrow();
});

test('a request signed too long ago is told how far it is off', () => {
  expect(thrownBy(() => requireCurrent(parseSigningTime('20150830T123059Z'), NOW))).toEqual({
    code: 'InvalidSignatureException',
    message:
      'Signature expired: 20150830T123059Z is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)',
  });
});

test('a request signed too far ahead is told how far it is off', () => {
  expect(thrownBy(() => requireCurrent(parseSigningTime('20150830T124101Z'), NOW))).toEqual({
    code: 'InvalidSignatureException',
    message:
      'Signature not yet current: 20150830T124101Z is still later than 20150830T124100Z (20150830T123600Z + 5 min.)',
  });
});

test('a presigned request lives as long as it asked for', () => {
  const time = parseSigningTime('20150830T123500Z');
  expect(() => requireCurrent(time, NOW, 60)).not.toThrow();
  expect(thrownBy(() => requireCurrent(time, NOW, 59))).toEqual({
    code: 'InvalidSignatureException',
    message:
      'Signature expired: 20150830T123500Z is now earlier than 20150830T123501Z (20150830T123600Z - 59 sec.)',
  });
});
