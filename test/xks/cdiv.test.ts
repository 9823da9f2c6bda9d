import { integrityValue } from '../../src/xks/cdiv';

const bytes = (base64: string): Buffer => Buffer.from(base64, 'base64');

test('The integrity value of the example in the specification is the one that stands there', () => {
  const value = integrityValue({
    aad: bytes('cHJvamVjdD1uaWxlLGRlcGFydG1lbnQ9bWFya2V0aW5n'),
    metadata: bytes('a2V5X3ZlcnNpb249MQ=='),
    iv: bytes('HMrlRw85cAJUd5Ax'),
    ciphertext: bytes('ghxkK1txeDNn3q8Y'),
    tag: bytes('vBxN2ncH1oEkR8WVXpmyYQ=='),
  });
  expect(value).toBe('qHA/ImC9h5HsLRXqCyPmWgYx7tzyoTplzILbP0fPXsc=');
});
