import { createHmac, createPublicKey } from 'node:crypto';
import type { JWTPayload } from 'jose';
import { conditionClaims, sessionClaims } from '../../src/auth/web-identity';
import { type OidcIssuer, audience, handMade, startIssuer } from '../support/oidc-issuer';
import { accountId } from '../support/sample-keys';
import { TestIdentities, noJwt, noKey, seconds } from '../support/web-identities';

let issuer: OidcIssuer;
let identities: TestIdentities;

beforeEach(async () => {
  issuer = await startIssuer();
  identities = new TestIdentities(issuer);
});
afterEach(() => issuer.close());

describe('a token of a provider', () => {
  test('is its subject, as far as the account’s provider vouches for it', async () => {
    const token = await issuer.token({ amr: ['pwd', 'mfa'], email_verified: true, nested: {} });
    expect(await identities.identify(token)).toEqual({
      kind: 'web-identity',
      accountId,
      arn: identities.arn,
      principalId: `${identities.arn}:sts.amazonaws.com:system:serviceaccount:shop:till`,
      userName: 'system:serviceaccount:shop:till',
      accessKeyId: undefined,
      session: {
        issuedAt: expect.any(Date) as Date,
        expiresAt: expect.any(Date) as Date,
        policies: [],
        tags: {},
        transitiveTagKeys: [],
        webIdentity: {
          provider: identities.arn,
          claims: {
            [`${issuer.name}:iss`]: issuer.url,
            [`${issuer.name}:sub`]: 'system:serviceaccount:shop:till',
            [`${issuer.name}:aud`]: audience,
            [`${issuer.name}:amr`]: ['pwd', 'mfa'],
            [`${issuer.name}:email_verified`]: 'true',
            [`${issuer.name}:iat`]: expect.any(String) as string,
            [`${issuer.name}:exp`]: expect.any(String) as string,
          },
        },
      },
    });
  });

  test.each(['RS384', 'PS256', 'ES256', 'ES512'])('may be signed with %s', async (alg) => {
    await issuer.rotate({ alg });
    expect((await identities.identify(await issuer.token())).kind).toBe('web-identity');
  });

  test('may name several audiences: those that the provider has are conditions', async () => {
    const claimsOf = async (aud: string[]): Promise<unknown> => {
      const { session } = await identities.identify(await issuer.token({ aud }));
      return session?.webIdentity?.claims[`${issuer.name}:aud`];
    };
    expect(await claimsOf(['unknown', audience])).toBe(audience);
    expect(await claimsOf(['other-client', audience])).toEqual(['other-client', audience]);
  });

  test('is for its authorized party where it names one, as AWS reads it', async () => {
    const token = await issuer.token({ azp: 'other-client', aud: 'an-api' });
    const { session } = await identities.identify(token);
    expect(session?.webIdentity?.claims).toMatchObject({
      [`${issuer.name}:aud`]: 'other-client',
      [`${issuer.name}:oaud`]: ['an-api'],
    });
    expect(await identities.refusal(issuer.token({ azp: 'unknown' }))).toEqual([
      'InvalidIdentityToken',
      'Incorrect token audience',
    ]);
  });

  test('is not who a claim says whose name differs only in case', async () => {
    const claims = {
      SUB: 'root',
      Aud: 'other-client',
      AMR: ['mfa'],
      oaud: 'an-api',
      eMail: 'a',
      email: 'b',
    };
    const { session } = await identities.identify(await issuer.token(claims));
    expect(session?.webIdentity?.claims).toMatchObject({
      [`${issuer.name}:sub`]: 'system:serviceaccount:shop:till',
      [`${issuer.name}:aud`]: audience,
      [`${issuer.name}:email`]: 'b',
    });
    for (const absent of ['amr', 'oaud']) {
      expect(session?.webIdentity?.claims).not.toHaveProperty([`${issuer.name}:${absent}`]);
    }
  });

  test('of an issuer with the name of a service has no condition keys of that service', () => {
    const claims = { ViaService: 's3.us-east-1.amazonaws.com' };
    for (const issuerName of ['kms', 'AWS', 'sts', 'iam']) {
      expect(conditionClaims(issuerName, { claims, audiences: ['a'] })).toEqual({});
    }
  });

  test('asks for tags and a source identity by claims', async () => {
    const token = await issuer.token({
      'https://aws.amazon.com/tags': {
        principal_tags: { Team: ['blue'], Cost: 'x' },
        transitive_tag_keys: ['team'],
      },
      'https://aws.amazon.com/source_identity': 'alice',
    });
    expect((await identities.identify(token)).session).toMatchObject({
      tags: { Team: 'blue', Cost: 'x' },
      transitiveTagKeys: ['team'],
      sourceIdentity: 'alice',
    });
  });

  test('leaves to a role session what AWS leaves', () => {
    const claims = { 'i/x:aud': 'a', 'i/x:sub': 's', 'i/x:email': 'e', 'i/x:amr': ['m'] };
    expect(sessionClaims(claims)).toEqual({ 'i/x:aud': 'a', 'i/x:sub': 's', 'i/x:amr': ['m'] });
  });
});

describe('a token is refused', () => {
  test.each<[string, string]>([
    ['is empty', ''],
    ['is no JWT', 'opaque'],
    ['is not of JSON', 'a.b.c'],
    ['is encrypted', 'a.b.c.d.e'],
    ['is longer than 20000 characters', `a.${'b'.repeat(20_000)}.c`],
  ])('that %s', async (_, token) => {
    expect(await identities.refusal(token)).toEqual(noJwt);
  });

  test('that is of no provider of the account', async () => {
    const [code, message] = await identities.refusal(
      issuer.token({ iss: 'https://elsewhere.example/<é>' }),
    );
    expect(code).toBe('InvalidIdentityToken');
    expect(message).toBe(
      'No OpenIDConnect provider found in your account for https://elsewhere.example/<?>',
    );
    const [, other] = await identities.refusal(issuer.token(), '999999999999');
    expect(other).toBe(`No OpenIDConnect provider found in your account for ${issuer.url}`);
    expect(issuer.requests).toEqual([]);
  });

  test.each([
    ['the other scheme', (url: string) => url.replace('http:', 'https:')],
    ['no scheme', (url: string) => url.replace('http://', '')],
    ['a slash more', (url: string) => `${url}/`],
  ])('that names its issuer with %s', async (_, change) => {
    const iss = change(issuer.url);
    expect(await identities.refusal(issuer.token({ iss }))).toEqual([
      'InvalidIdentityToken',
      `No OpenIDConnect provider found in your account for ${iss}`,
    ]);
  });

  test('that is unsigned, or signed with the public key as a secret', async () => {
    const claims = { iss: issuer.url, sub: 's', aud: audience, iat: seconds(), exp: seconds() + 9 };
    const [jwk] = issuer.keys;
    const kid = jwk?.['kid'];
    const pem = createPublicKey({ key: { ...jwk }, format: 'jwk' }).export({
      type: 'spki',
      format: 'pem',
    });
    const unsigned = handMade({ alg: 'HS256', kid }, claims, Buffer.alloc(0)).slice(0, -1);
    const mac = createHmac('sha256', pem).update(unsigned).digest();
    expect(await identities.refusal(handMade({ alg: 'HS256', kid }, claims, mac))).toEqual(noJwt);
    for (const alg of ['none', 'None', 'HS512', 'RSA1_5', '', 7]) {
      expect(await identities.refusal(handMade({ alg, kid }, claims))).toEqual(noJwt);
      expect(
        await identities.refusal(`${handMade({ alg, kid }, claims).split('.', 2).join('.')}.`),
      ).toEqual(noJwt);
    }
  });

  test('that brings its own key', async () => {
    const thief = await startIssuer();
    const [jwk] = thief.keys;
    const token = await thief.token({ iss: issuer.url }, {
      kid: 'x',
      jwk,
      jku: thief.url,
    } as object);
    expect(await identities.refusal(token)).toEqual(noKey);
    const [own] = issuer.keys;
    const kid = String(own?.['kid']);
    expect(await identities.refusal(thief.token({ iss: issuer.url }, { kid }))).toEqual(noJwt);
    await thief.close();
  });

  test('that was changed', async () => {
    const [header = '', claims = '', signature = ''] = (await issuer.token()).split('.');
    const other = JSON.parse(Buffer.from(claims, 'base64url').toString()) as JWTPayload;
    const changed = Buffer.from(JSON.stringify({ ...other, sub: 'root' })).toString('base64url');
    expect(await identities.refusal(`${header}.${changed}.${signature}`)).toEqual(noJwt);
  });

  test('that has expired', async () => {
    const exp = seconds() - 31;
    const [code, message] = await identities.refusal(issuer.token({ exp }));
    expect(code).toBe('ExpiredTokenException');
    expect(message).toMatch(
      new RegExp(
        `^Token expired: current date/time \\d+ must be before the expiration date/time${exp}$`,
      ),
    );
  });

  test.each([
    ['nbf', 'Token is not valid yet: its nbf is in the future'],
    ['iat', 'Token is not valid yet: its iat is in the future'],
  ])('whose %s is in the future', async (claim, message) => {
    const token = issuer.token({ [claim]: seconds() + 90 });
    expect(await identities.refusal(token)).toEqual(['InvalidIdentityToken', message]);
  });

  test('that is for somebody else', async () => {
    for (const aud of ['someone', [], ['someone', 'else'], '', `${audience} `]) {
      expect(await identities.refusal(issuer.token({ aud }))).toEqual([
        'InvalidIdentityToken',
        'Incorrect token audience',
      ]);
    }
  });

  test.each(['sub', 'exp', 'iat', 'aud'])('that has no %s', async (claim) => {
    expect(await identities.refusal(issuer.token({ [claim]: undefined }))).toEqual([
      'InvalidIdentityToken',
      `Missing or incorrect claim in the token: ${claim}`,
    ]);
  });

  test.each([
    ['iss', 7],
    ['exp', 'soon'],
    ['iat', '1'],
    ['iat', -1],
    ['sub', ''],
    ['sub', ['a']],
    ['nbf', 'x'],
  ])('whose %s is %p', async (claim, value) => {
    const [code] = await identities.refusal(issuer.token({ [claim]: value }));
    expect(code).toBe('InvalidIdentityToken');
  });

  test.each([
    ['tags that are no object', { 'https://aws.amazon.com/tags': 7 }],
    [
      'a tag with two values',
      { 'https://aws.amazon.com/tags': { principal_tags: { a: ['1', '2'] } } },
    ],
    ['a tag key twice', { 'https://aws.amazon.com/tags': { principal_tags: { a: '1', A: '2' } } }],
    [
      'a tag key that cannot be',
      { 'https://aws.amazon.com/tags': { principal_tags: { 'a*': '1' } } },
    ],
    [
      'a transitive key without tag',
      { 'https://aws.amazon.com/tags': { transitive_tag_keys: ['a'] } },
    ],
    ['a source identity with a blank', { 'https://aws.amazon.com/source_identity': 'a b' }],
  ])('with %s', async (_, claims) => {
    expect(await identities.refusal(issuer.token(claims))).toEqual([
      'InvalidIdentityToken',
      `Incorrect claim in the token: ${Object.keys(claims)[0] ?? ''}`,
    ]);
  });
});
