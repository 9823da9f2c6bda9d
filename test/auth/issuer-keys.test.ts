import { type OidcIssuer, startIssuer } from '../support/oidc-issuer';
import { TestIdentities, noKey, seconds, unreachable } from '../support/web-identities';

let issuer: OidcIssuer;
let identities: TestIdentities;

beforeEach(async () => {
  issuer = await startIssuer();
  identities = new TestIdentities(issuer);
});
afterEach(() => issuer.close());

describe('the keys of an issuer', () => {
  test('are fetched once, by all that ask at once', async () => {
    const tokens = await Promise.all([1, 2, 3].map(() => issuer.token()));
    await Promise.all(tokens.map((token) => identities.identify(token)));
    await identities.identify(await issuer.token());
    expect(issuer.requests).toEqual(['/cluster/.well-known/openid-configuration', '/cluster/keys']);
  });

  test('are fetched again for a key that is not known, but not for every such token', async () => {
    await identities.identify(await issuer.token());
    await issuer.rotate({ keep: true });
    const young = await issuer.token();
    expect(await identities.refusal(young)).toEqual(noKey);
    expect(issuer.requests).toHaveLength(2);
    identities.ahead += 10_001;
    await identities.identify(young);
    expect(issuer.requests).toHaveLength(4);
    expect(await identities.refusal(issuer.token({}, { kid: 'unknown' }))).toEqual(noKey);
    expect(issuer.requests).toHaveLength(4);
  });

  test('verify nothing five minutes after they were withdrawn', async () => {
    const old = await issuer.token({ exp: seconds() + 3600 });
    await identities.identify(old);
    await issuer.rotate();
    identities.ahead += 300_001;
    expect(await identities.refusal(old)).toEqual(noKey);
  });

  test('serve on for an hour while the issuer cannot be reached', async () => {
    const token = await issuer.token({ exp: seconds() + 7200 });
    await identities.identify(token);
    issuer.answer('configuration', (_, response) => response.writeHead(503).end());
    identities.ahead += 3_500_000;
    await identities.identify(token);
    identities.ahead += 200_000;
    expect(await identities.refusal(token)).toEqual(unreachable);
    issuer.answer('configuration', undefined);
    identities.ahead += 10_001;
    await identities.identify(token);
  });

  test('are asked of an issuer that is gone, and the client is told to repeat', async () => {
    const token = await issuer.token();
    await issuer.close();
    expect(await identities.refusal(token)).toEqual(unreachable);
    issuer = await startIssuer();
  });

  test.each<[string, 'configuration' | 'keys', (url: string) => string]>([
    ['no JSON', 'configuration', () => '<html>'],
    ['no object', 'configuration', () => '[]'],
    [
      'the configuration of another issuer',
      'configuration',
      (url) => document({ issuer: `${url}/`, jwks_uri: url }),
    ],
    ['no address of keys', 'configuration', (url) => document({ issuer: url })],
    [
      'an address of keys that is none',
      'configuration',
      (url) => document({ issuer: url, jwks_uri: 'keys' }),
    ],
    [
      'an address of keys without TLS',
      'configuration',
      (url) => document({ issuer: url, jwks_uri: 'http://10.0.0.1/keys' }),
    ],
    [
      'an address of keys that is a file',
      'configuration',
      (url) => document({ issuer: url, jwks_uri: 'file:///etc/passwd' }),
    ],
    [
      'an address of keys with a password',
      'configuration',
      (url) => document({ issuer: url, jwks_uri: 'https://a:b@127.0.0.1/' }),
    ],
    ['keys that are no JSON', 'keys', () => '{'],
    ['keys that are no list', 'keys', () => document({ keys: {} })],
    ['a list of what are no keys', 'keys', () => document({ keys: [7] })],
    ['too many keys', 'keys', () => document({ keys: Array(101).fill({}) })],
    ['no keys', 'keys', () => document({ keys: [] })],
    ['secrets as keys', 'keys', () => document({ keys: [{ kty: 'oct', k: 'AA' }] })],
    ['keys of more than 256 KiB', 'keys', () => `{"keys":[],"x":"${'x'.repeat(300_000)}"}`],
  ])('are not had from an issuer that serves %s', async (_, what, body) => {
    issuer.answer(what, (__, response) => response.end(body(issuer.url)));
    expect(await identities.refusal(issuer.token())).toEqual(noKey);
  });

  test('are not had from where the issuer redirects to', async () => {
    const elsewhere = await startIssuer();
    issuer.answer('keys', (_, response) =>
      response.writeHead(302, { location: `${elsewhere.url}/keys` }).end(),
    );
    expect(await identities.refusal(issuer.token())).toEqual(noKey);
    expect(elsewhere.requests).toEqual([]);
    await elsewhere.close();
  });

  test('are not had of a kind or a strength that signs nothing here', async () => {
    issuer.answer('keys', (_, response) => {
      const [key] = issuer.keys;
      response.end(document({ keys: [{ ...key, use: 'enc' }] }));
    });
    expect(await identities.refusal(issuer.token())).toEqual(noKey);
  });

  test('must be named by the token when there are several', async () => {
    await issuer.rotate({ keep: true });
    expect(await identities.refusal(issuer.token({}, { kid: undefined } as object))).toEqual(noKey);
  });

  test('are not waited for longer than five seconds', async () => {
    issuer.answer('keys', (_, response) => void response.write('{"keys":['));
    expect(await identities.refusal(issuer.token())).toEqual(unreachable);
  });
});

function document(value: object): string {
  return JSON.stringify(value);
}
