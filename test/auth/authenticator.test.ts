import { type Presented, authenticator } from '../../src/auth/authenticator';
import type { ClientCertificate } from '../../src/auth/certificate';
import type { Principal } from '../../src/policy/principal';
import { rootOf } from '../support/sample-keys';
import { thrownBy } from './thrown';

const caller = (name: string): Principal => ({ ...rootOf('111122223333'), arn: name });
const known: ClientCertificate = {
  uris: ['spiffe://known'],
  dnsNames: [],
  subject: [],
  validFrom: new Date(0),
  validTo: new Date(1),
};
const unknown = { ...known, uris: [] };

const authenticate = authenticator({
  signature: () => caller('signature'),
  token: (token) => caller(`token ${token}`),
  certificate: ({ uris: [uri] }) => (uri === undefined ? undefined : caller(uri)),
});

const remote = { sourceIp: '192.0.2.1', secureTransport: true };
const clear = { sourceIp: '192.0.2.1', secureTransport: false };

function present(different: Partial<Presented>): Presented {
  const request = { method: 'POST', url: '/', rawHeaders: [], body: Buffer.alloc(0) };
  return { ...request, origin: remote, certificate: undefined, ...different };
}

const who = async (different: Partial<Presented>): Promise<string> =>
  (await authenticate(present(different))).arn;
const refusal = (different: Partial<Presented>): unknown =>
  thrownBy(() => authenticate(present(different)));

const signed = ['Authorization', 'AWS4-HMAC-SHA256 Credential=…'];
const bearer = ['Authorization', 'Bearer a.b.c'];
const missing = {
  code: 'MissingAuthenticationTokenException',
  message: 'Missing Authentication Token',
};
const invalid = {
  code: 'UnrecognizedClientException',
  message: 'The security token included in the request is invalid.',
};

describe('the Authorization header', () => {
  test.each([
    ['with a signature', signed, 'signature'],
    ['with a token', bearer, 'token a.b.c'],
    [
      'with a token, whatever the case of its scheme',
      ['authorization', 'bEARER  a.b.c '],
      'token a.b.c',
    ],
    [
      'with another scheme, which is the signature to refuse',
      ['Authorization', 'Basic eA=='],
      'signature',
    ],
    ['with a scheme that begins like another', ['Authorization', 'Bearers a'], 'signature'],
    [
      'twice with signatures, which is the signature to refuse',
      [...signed, ...signed],
      'signature',
    ],
  ])('%s decides, whatever certificate the client has', async (_, rawHeaders, expected) => {
    expect(await who({ rawHeaders, certificate: known })).toBe(expected);
    expect(await who({ rawHeaders })).toBe(expected);
  });

  test.each([
    ['two tokens', [...bearer, ...bearer]],
    ['a token and a signature', [...bearer, ...signed]],
    ['a signature and a token', [...signed, ...bearer]],
  ])('cannot be sent with %s', (_, rawHeaders) => {
    expect(refusal({ rawHeaders })).toEqual({
      code: 'IncompleteSignatureException',
      message: 'Only one Authorization header is allowed.',
    });
  });

  test.each([
    '/?X-Amz-Signature=x',
    '/?X-Amz-Algorithm=x&a=b',
    '/?%58-Amz-Credential=x',
    '/?a=%zz',
  ])('with a token cannot be sent with the query %s', (url) => {
    expect(refusal({ rawHeaders: bearer, url })).toEqual({
      code: 'IncompleteSignatureException',
      message:
        'Only one authentication mechanism is allowed: the Authorization header or the query-string parameters.',
    });
  });

  test.each([
    'Bearer',
    'Bearer ',
    'Bearer a b',
    'Bearer a,b',
    'Bearer a\u00e9',
    'Bearer =',
    'Bearer "a"',
  ])('with %j has no token in it', (value) => {
    expect(refusal({ rawHeaders: ['Authorization', value] })).toEqual(invalid);
  });
});

describe('a bearer token', () => {
  test('in the clear is refused', () => {
    expect(refusal({ rawHeaders: bearer, origin: clear })).toEqual({
      code: 'MissingAuthenticationTokenException',
      message: 'Bearer tokens are accepted over TLS only.',
    });
    const gone = { ...clear, sourceIp: 'unknown' };
    expect(refusal({ rawHeaders: bearer, origin: gone })).toMatchObject({
      code: 'MissingAuthenticationTokenException',
    });
  });

  test.each(['127.0.0.1', '127.9.9.9', '::1'])(
    'in the clear is taken from %s',
    async (sourceIp) => {
      const origin = { ...clear, sourceIp };
      expect(await who({ rawHeaders: bearer, origin })).toBe('token a.b.c');
    },
  );
});

describe('a certificate', () => {
  test('speaks for a request without another proof', async () => {
    expect(await who({ certificate: known })).toBe('spiffe://known');
    expect(await who({ certificate: known, url: '/?a=b' })).toBe('spiffe://known');
  });

  test('that is nobody is as good as none', () => {
    expect(refusal({ certificate: unknown })).toEqual(missing);
  });

  test('does not speak for a presigned request', async () => {
    expect(await who({ certificate: known, url: '/?X-Amz-Signature=x' })).toBe('signature');
  });

  test.each([
    ['Origin', 'https://evil.example.org'],
    ['origin', 'null'],
    ['Sec-Fetch-Site', 'cross-site'],
  ])('does not speak for a request that a browser sent with %s: %s', (name, value) => {
    expect(refusal({ certificate: known, rawHeaders: [name, value] })).toEqual(missing);
  });
});

test('a request without any proof is for the signature to refuse', async () => {
  expect(await who({})).toBe('signature');
});
