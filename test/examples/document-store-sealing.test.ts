import { createDecipheriv, randomBytes } from 'node:crypto';
import { NotAuthentic, open, seal } from '../../examples/document-store/sealing';

const key = randomBytes(32);
const plaintext = Buffer.from('Invoice 1: 100.00');
const context = { tenant: 'acme', document: 'invoice-1' };

test('What is sealed for a context opens for it, in whatever order its pairs are', () => {
  const sealed = seal(key, plaintext, context);
  expect(open(key, sealed, { document: 'invoice-1', tenant: 'acme' })).toEqual(plaintext);
  expect(open(key, seal(key, Buffer.alloc(0), context), context)).toEqual(Buffer.alloc(0));
});

test('It is AES-256-GCM by the book, and its additional data are the version and the pairs as JSON', () => {
  const sealed = seal(key, plaintext, context);
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(1, 13));
  decipher.setAAD(Buffer.from('\u0001[["document","invoice-1"],["tenant","acme"]]'));
  decipher.setAuthTag(sealed.subarray(-16));
  const opened = [decipher.update(sealed.subarray(13, -16)), decipher.final()];
  expect(Buffer.concat(opened)).toEqual(plaintext);
});

test('No two have an IV in common', () => {
  const ivs = Array.from({ length: 1000 }, () =>
    seal(key, plaintext, context).toString('hex', 1, 13),
  );
  expect(new Set(ivs).size).toBe(1000);
});

test.each([
  ['another tenant', { ...context, tenant: 'other' }],
  ['another document', { ...context, document: 'invoice-2' }],
  ['less', { tenant: 'acme' }],
  ['more', { ...context, more: '' }],
  ['the same words, cut elsewhere', { tenant: 'acme","document', document: 'invoice-1' }],
])('It does not open for %s', (_, other) => {
  expect(() => open(key, seal(key, plaintext, context), other)).toThrow(NotAuthentic);
});

test('With any bit changed, or cut short anywhere, or under another key, it does not open', () => {
  const sealed = seal(key, plaintext, context);
  for (let bit = 0; bit < sealed.length * 8; bit += 1) {
    const changed = Buffer.from(sealed);
    changed[bit >> 3]! ^= 1 << (bit & 7);
    expect(() => open(key, changed, context)).toThrow(NotAuthentic);
  }
  for (let length = 0; length < sealed.length; length += 1) {
    expect(() => open(key, sealed.subarray(0, length), context)).toThrow(NotAuthentic);
  }
  expect(() => open(randomBytes(32), sealed, context)).toThrow(NotAuthentic);
});
