import { execFile } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import {
  CreateRoleCommand,
  DeleteRoleCommand,
  type IAMClient,
  PutRolePolicyCommand,
} from '@aws-sdk/client-iam';
import type { KMSClient } from '@aws-sdk/client-kms';
import { SignJWT } from 'jose';
import { type TestDaemon, commandLine, startDaemon } from '../support/daemon';
import { iamClient } from '../support/iam-client';
import { auditOf, auditTexts, createKey } from '../support/kms';
import { type OidcIssuer, handMade, startIssuer } from '../support/oidc-issuer';
import { unsignedRest } from '../support/rest';
import { until } from '../support/until';
import { type Reply, badRequest, refusal, send, signed, targeting } from '../support/wire';

let directory: string;
let issuer: OidcIssuer;
let silent: OidcIssuer;
let daemon: TestDaemon;
let kms: KMSClient;
let iam: IAMClient;
let keyId: string;
let rulesFile: string;
let tokens: object[];

const account = '111122223333';
const roleArn = (name: string): string => `arn:aws:iam::${account}:role/${name}`;
const sub = (name: string): string => `system:serviceaccount:payments:${name}`;

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-bearer-'));
  issuer = await startIssuer();
  silent = await startIssuer('/silent');
  const audiences = ['claviger'];
  const rule = (from: OidcIssuer, claims: object, role: string): object => ({
    ...{ issuer: from.url, audiences, claims, role: roleArn(role) },
  });
  tokens = [
    rule(issuer, { sub: sub('admin*') }, 'admin'),
    rule(issuer, { sub: sub('*') }, 'payments'),
    rule(issuer, { sub: 'later' }, 'later'),
    rule(issuer, { sub: 'revoked' }, 'revoked'),
    rule(silent, { sub: '*' }, 'payments'),
  ];
  rulesFile = path.join(directory, 'rules.json');
  writeFileSync(rulesFile, JSON.stringify({ tokens }));
  daemon = await startDaemon({
    environment: {
      CLAVIGER_IDENTITY_RULES_FILE: rulesFile,
      CLAVIGER_TRUSTED_PROXIES: '127.0.0.1',
    },
  });
  kms = daemon.client();
  iam = iamClient(daemon);
  for (const name of ['payments', 'admin', 'revoked']) await makeRole(name);
  keyId = (await createKey(kms, { Policy: keyPolicy() })).id;
});
afterAll(async () => {
  kms.destroy();
  iam.destroy();
  await daemon.remove();
  await Promise.all([issuer.close(), silent.close()]);
  rmSync(directory, { recursive: true, force: true });
});

async function makeRole(RoleName: string): Promise<void> {
  const Principal = { AWS: account };
  const Statement = [{ Effect: 'Allow', Principal, Action: 'sts:AssumeRole' }];
  const AssumeRolePolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
  await iam.send(new CreateRoleCommand({ RoleName, AssumeRolePolicyDocument }));
}

function keyPolicy(): string {
  const encryptFor = (role: string, Condition?: object): object => ({
    Effect: 'Allow',
    Principal: { AWS: roleArn(role) },
    Action: 'kms:Encrypt',
    Resource: '*',
    Condition,
  });
  return JSON.stringify({
    Version: '2012-10-17',
    Statement: [
      { Effect: 'Allow', Principal: { AWS: account }, Action: 'kms:*', Resource: '*' },
      encryptFor('payments', { StringNotEquals: { [`${issuer.name}:sub`]: sub('banned') } }),
      encryptFor('revoked'),
    ],
  });
}

/** With these headers, and no signature. */
function encrypt(headers: Readonly<Record<string, string>>): Promise<Reply> {
  return encryptWith(Object.entries({ ...targeting('Encrypt'), ...headers }).flat());
}

function encryptWith(rawHeaders: readonly string[]): Promise<Reply> {
  const body = Buffer.from(JSON.stringify({ KeyId: keyId, Plaintext: 'AAAA' }));
  const own = ['host', '127.0.0.1', 'content-length', String(body.length)];
  return send(daemon, { method: 'POST', url: '/', rawHeaders: [...own, ...rawHeaders], body });
}

const bearing = (token: string): Promise<Reply> => encrypt({ authorization: `Bearer ${token}` });
const good = (claims: object = {}): Promise<string> =>
  issuer.token({ sub: sub('web'), aud: 'claviger', ...claims });
const requestId = ({ headers }: Reply): string => String(headers['x-amzn-requestid']);

const invalid = badRequest(
  'UnrecognizedClientException',
  'The security token included in the request is invalid.',
);

describe('a token', () => {
  test('is a session of the role that its rule names, and its secret is kept nowhere', async () => {
    const token = await good();
    const reply = await bearing(token);
    expect([reply.status, reply.text]).toEqual([200, expect.stringContaining('CiphertextBlob')]);
    const { userIdentity } = await auditOf(daemon, requestId(reply));
    expect(userIdentity).toMatchObject({
      type: 'AssumedRole',
      arn: `arn:aws:sts::${account}:assumed-role/payments/system-serviceaccount-payments-web`,
      accountId: account,
    });
    const kept = [...(await auditTexts(daemon)), JSON.stringify(daemon.log)].join('\n');
    for (const part of token.split('.')) expect(kept).not.toContain(part);
  });

  test('is verified once, and then remembered', async () => {
    const token = await good({ sub: sub('often') });
    expect((await bearing(token)).status).toBe(200);
    const asked = issuer.requests.length;
    for (let i = 0; i < 5; i++) expect((await bearing(token)).status).toBe(200);
    expect(issuer.requests).toHaveLength(asked);
  });

  test('gives its claims to policies as condition keys', async () => {
    const banned = await bearing(await good({ sub: sub('banned') }));
    expect(refusal(banned)).toMatchObject({ __type: 'AccessDeniedException' });
  });

  test('is judged by the first rule that matches', async () => {
    const reply = await bearing(await good({ sub: sub('admin-1') }));
    expect(refusal(reply)).toMatchObject({
      __type: 'AccessDeniedException',
      Message: expect.stringContaining('assumed-role/admin/') as string,
    });
  });

  test('may be one of several audiences', async () => {
    expect((await bearing(await good({ aud: ['x', 'claviger'] }))).status).toBe(200);
  });

  test('of a session that was revoked is denied, as on AWS by the time of its issue', async () => {
    const token = await issuer.token({ sub: 'revoked', aud: 'claviger' });
    expect((await bearing(token)).status).toBe(200);
    const before = { 'aws:TokenIssueTime': new Date(Date.now() + 60_000).toISOString() };
    const Statement = [
      { Effect: 'Deny', Action: '*', Resource: '*', Condition: { DateLessThan: before } },
    ];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    const policy = { RoleName: 'revoked', PolicyName: 'AWSRevokeOlderSessions', PolicyDocument };
    await iam.send(new PutRolePolicyCommand(policy));
    expect(refusal(await bearing(token))).toMatchObject({
      Message: expect.stringContaining(
        'with an explicit deny in an identity-based policy',
      ) as string,
    });
  });

  test('for a role that does not exist is nobody, until it is made, and after it was deleted', async () => {
    const token = await issuer.token({ sub: 'later', aud: 'claviger' });
    expect(refusal(await bearing(token))).toEqual(invalid);
    await makeRole('later');
    expect(refusal(await bearing(token))).toMatchObject({ __type: 'AccessDeniedException' });
    await iam.send(new DeleteRoleCommand({ RoleName: 'later' }));
    expect(refusal(await bearing(token))).toEqual(invalid);
  });
});

test('The REST door takes tokens too, and says so where one is missing or wrong', async () => {
  const line = `POST /v1/keys/${keyId}/encrypt`;
  const body = JSON.stringify({ Plaintext: 'AAAA' });
  const type = { 'content-type': 'application/json' };
  const ask = (authorization: object) =>
    unsignedRest(daemon, line, body, { ...type, ...authorization });
  const known = await ask({ authorization: `Bearer ${await good()}` });
  expect(known).toMatchObject({ status: 200, body: { EncryptionAlgorithm: 'SYMMETRIC_DEFAULT' } });
  const unknown = await ask({ authorization: 'Bearer abc' });
  expect(unknown).toMatchObject({ status: 401, body: { code: 'UnrecognizedClientException' } });
  const missing = await ask({});
  expect(missing).toMatchObject({
    status: 401,
    body: { code: 'MissingAuthenticationTokenException' },
  });
  for (const { headers } of [unknown, missing]) {
    expect(headers['www-authenticate']).toBe('Bearer, AWS4-HMAC-SHA256');
  }
});

test('STS and IAM take tokens too', async () => {
  const body = Buffer.from('Action=GetCallerIdentity&Version=2011-06-15');
  const ask = (token: string): Promise<Reply> => {
    const rawHeaders = ['host', '127.0.0.1', 'content-length', String(body.length)];
    rawHeaders.push('content-type', 'application/x-www-form-urlencoded');
    rawHeaders.push('authorization', `Bearer ${token}`);
    return send(daemon, { method: 'POST', url: '/', rawHeaders, body });
  };
  const known = await ask(await good());
  expect([known.status, known.text]).toEqual([
    200,
    expect.stringContaining(
      `<Arn>arn:aws:sts::${account}:assumed-role/payments/system-serviceaccount-payments-web</Arn>`,
    ),
  ]);
  const unknown = await ask('abc');
  expect([unknown.status, unknown.text]).toEqual([
    403,
    expect.stringContaining('<Code>InvalidClientTokenId</Code>'),
  ]);
});

describe('a token that is refused', () => {
  const now = (): number => Math.floor(Date.now() / 1000);
  const claims = (different: object = {}): object => ({
    ...{ iss: issuer.url, aud: 'claviger', sub: sub('web'), iat: now(), exp: now() + 600 },
    ...different,
  });

  const cases: Readonly<Record<string, () => string | Promise<string>>> = {
    'for another audience': () => good({ aud: 'sts.amazonaws.com' }),
    'without an audience': () => good({ aud: undefined }),
    'of a subject that no rule knows': () => good({ sub: 'system:serviceaccount:other:web' }),
    'of an issuer that no rule knows': () => good({ iss: 'https://example.org' }),
    'that was signed by another issuer': () => silent.token({ ...claims() }),
    'without a signature': () => handMade({ alg: 'none' }, claims(), Buffer.alloc(0)),
    'that says it has none': async () => {
      const [, body] = (await good()).split('.');
      const header = Buffer.from(JSON.stringify({ alg: 'none' })).toString('base64url');
      return `${header}.${body ?? ''}.`;
    },
    'with a signature of another': async () => {
      const [header, , signature] = (await good()).split('.');
      const body = Buffer.from(JSON.stringify(claims({ sub: sub('x') }))).toString('base64url');
      return `${header ?? ''}.${body}.${signature ?? ''}`;
    },
    'signed with the public key as a shared secret': () =>
      new SignJWT({ ...claims() })
        .setProtectedHeader({ alg: 'HS256', kid: String(issuer.keys[0]?.['kid']) })
        .sign(Buffer.from(JSON.stringify(issuer.keys[0]))),
    'with a key of its own': () =>
      handMade({ alg: 'RS256', jwk: issuer.keys[0], kid: 'mine' }, claims()),
    'that is not valid yet': () => good({ nbf: now() + 3600 }),
    'issued in the future': () => good({ iat: now() + 3600 }),
    'without an end': () => good({ exp: undefined }),
    'that is no token': () => 'abc',
    'that is no token of three parts': () => 'a.b.c.d.e',
    'that is empty': () => '',
  };

  test.each(Object.keys(cases))('is one %s', async (title) => {
    const make = cases[title];
    if (make === undefined) throw new Error('there is no such case');
    expect(refusal(await bearing(await make()))).toEqual(invalid);
  });

  test('is one that has expired, which its holder is told', async () => {
    const token = await good({ iat: now() - 7200, exp: now() - 3600 });
    expect(refusal(await bearing(token))).toEqual(
      badRequest('ExpiredTokenException', 'The security token included in the request is expired'),
    );
  });

  test('leaves a record of a request of nobody, and a reason in the log', async () => {
    const reply = await bearing(await good({ aud: 'elsewhere' }));
    expect(await auditOf(daemon, requestId(reply))).toMatchObject({
      userIdentity: { type: 'Unknown' },
      errorCode: 'UnrecognizedClientException',
    });
    expect(daemon.log).toContainEqual(
      expect.objectContaining({
        message: 'a bearer token was not accepted',
        reason: 'KmsError: Incorrect token audience',
      }),
    );
  });

  test('is not told from others while its issuer is silent: clients may try again', async () => {
    silent.answer('configuration', (_, response) => {
      response.statusCode = 503;
      response.end();
    });
    const token = await silent.token({ sub: 'x', aud: 'claviger' });
    expect(refusal(await bearing(token))).toEqual({
      status: 503,
      __type: 'ServiceUnavailableException',
      message: 'The issuer of the token cannot be reached.',
    });
  });
});

describe('the request', () => {
  test('has one Authorization header', async () => {
    const token = ['authorization', `Bearer ${await good()}`];
    const { rawHeaders } = await signed(daemon, { headers: targeting('Encrypt'), body: '' });
    const at = rawHeaders.indexOf('authorization');
    const signature = ['authorization', rawHeaders[at + 1] ?? 'AWS4-HMAC-SHA256 x'];
    const target = Object.entries(targeting('Encrypt')).flat();
    for (const two of [
      [...token, ...token],
      [...token, ...signature],
      [...signature, ...token],
    ]) {
      expect(refusal(await encryptWith([...target, ...two]))).toEqual(
        badRequest('IncompleteSignatureException', 'Only one Authorization header is allowed.'),
      );
    }
  });

  test('has crossed no network in the clear', async () => {
    const clear = badRequest(
      'MissingAuthenticationTokenException',
      'Bearer tokens are accepted over TLS only.',
    );
    const authorization = `Bearer ${await good()}`;
    const forwarded = { authorization, 'x-forwarded-for': '203.0.113.9' };
    expect(refusal(await encrypt(forwarded))).toEqual(clear);
    expect(refusal(await encrypt({ ...forwarded, 'x-forwarded-proto': 'http' }))).toEqual(clear);
    const secure = await encrypt({ ...forwarded, 'x-forwarded-proto': 'https' });
    expect(secure.status).toBe(200);
    expect(await auditOf(daemon, requestId(secure))).toMatchObject({
      sourceIPAddress: '203.0.113.9',
    });
  });
});

describe('the rules', () => {
  test('that cannot be used keep the service from starting, and are told by their place', async () => {
    const bad = path.join(directory, 'bad.json');
    const root = `arn:aws:iam::${account}:root`;
    writeFileSync(bad, JSON.stringify({ tokens: [{ ...tokens[0], role: root }] }));
    const env = { ...daemon.environment, CLAVIGER_IDENTITY_RULES_FILE: bad };
    const serving = promisify(execFile)(process.execPath, [commandLine, 'serve'], { env });
    await expect(serving).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining(
        `CLAVIGER_IDENTITY_RULES_FILE: ${bad}: /tokens/0/role must not be an account's root`,
      ) as string,
    });
  });

  test('are read again on SIGHUP; those that cannot be used change nothing', async () => {
    const token = await issuer.token({ sub: 'reloaded', aud: 'claviger' });
    expect(refusal(await bearing(token))).toEqual(invalid);
    const one = { ...tokens[0], claims: { sub: 'reloaded' }, role: roleArn('payments') };
    writeFileSync(rulesFile, JSON.stringify({ tokens: [one] }));
    const logged = (message: string): Promise<void> =>
      until(message, () => daemon.log.some((line) => line['message'] === message));
    daemon.process.kill('SIGHUP');
    await logged('every worker was replaced');
    expect((await bearing(token)).status).toBe(200);
    writeFileSync(rulesFile, '{');
    daemon.process.kill('SIGHUP');
    await logged('a new worker cannot start; the old ones serve on');
    expect((await bearing(token)).status).toBe(200);
    expect(refusal(await bearing(await good()))).toEqual(invalid);
  });
});
