import { PutUserPolicyCommand, UpdateUserCommand } from '@aws-sdk/client-iam';
import { GetSessionTokenCommand } from '@aws-sdk/client-sts';
import { bearing, makeToken, problem, requestId } from '../support/api-tokens';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient } from '../support/iam-client';
import { allowing } from '../support/iam-documents';
import { auditOf, auditTexts, createKey } from '../support/kms';
import { rest } from '../support/rest';
import { forwardedSession, makeService } from '../support/services';
import { snippets } from '../support/snippets';
import { assume, makeRole, makeUserAllowed, stsClient, taken } from '../support/sts-client';
import { send, targeting } from '../support/wire';

const account = '111122223333';
const arnOfUser = (name: string): string => `arn:aws:iam::${account}:user/${name}`;
const quota = 4;

let daemon: TestDaemon;
let ann: TestCredentials;
let keyId: string;

/** Lets everybody manage tokens of its own, and none of others. */
const ownTokens = {
  Effect: 'Allow',
  Action: 'claviger:*ApiToken*',
  Resource: 'arn:aws:claviger:*:*:api-token/${aws:userid}/*',
};
const policyOf = (...Statement: object[]): string =>
  JSON.stringify({ Version: '2012-10-17', Statement });

async function allow(UserName: string, PolicyDocument = policyOf(ownTokens)): Promise<void> {
  await iamClient(daemon).send(
    new PutUserPolicyCommand({ UserName, PolicyName: 'tokens', PolicyDocument }),
  );
}

/** The policies that the page shows: for oneself, and for an administrator. */
const policyOfPage = (at: number): string =>
  snippets('docs/api-tokens.md').filter(({ language }) => language === 'json')[at]?.code ?? '';

beforeAll(async () => {
  daemon = await startDaemon({
    environment: { CLAVIGER_MAX_API_TOKENS_PER_PRINCIPAL: String(quota) },
  });
  ann = await makeUserAllowed(daemon, 'ann', 'kms:Encrypt', 'kms:ListKeys', 'sts:*');
  await allow('ann');
  keyId = (await createKey(daemon.client())).id;
});
afterAll(() => daemon.remove());

const listing = async (credentials: TestCredentials, query = ''): Promise<readonly string[]> => {
  const { body } = await rest(daemon, `GET /v1/api-tokens${query}`, undefined, { credentials });
  return (body?.['ApiTokens'] as { TokenId: string }[]).map(({ TokenId }) => TokenId);
};

describe('an API token', () => {
  test('is made for thirty days, and shown once', async () => {
    const { id, text, reply } = await makeToken(daemon, { credentials: ann, Name: 'laptop' });
    expect(reply.headers).toMatchObject({ location: `/v1/api-tokens/${id}` });
    expect(text).toMatch(new RegExp(`^clv_${id}_[A-Za-z0-9_-]{43}$`));
    const made = reply.body?.['ApiToken'] as Record<string, string>;
    expect(made).toEqual({
      TokenId: expect.stringMatching(/^ATKN[A-Z2-7]{16}$/) as string,
      Name: 'laptop',
      PrincipalArn: arnOfUser('ann'),
      CreationDate: expect.any(String) as string,
      ExpirationDate: expect.any(String) as string,
    });
    const seconds =
      Date.parse(made['ExpirationDate'] ?? '') - Date.parse(made['CreationDate'] ?? '');
    expect(seconds / 1000).toBe(30 * 86_400);
    const { body } = await rest(daemon, 'GET /v1/api-tokens', undefined, { credentials: ann });
    expect(body).toEqual({ ApiTokens: [made] });
  });

  test('may what its principal may, at the REST door and at that of AWS', async () => {
    const { text } = await makeToken(daemon, { credentials: ann });
    const encrypted = await bearing(daemon, text, `POST /v1/keys/${keyId}/encrypt`, {
      body: { Plaintext: 'AAAA' },
    });
    expect([encrypted.status, Object.keys(encrypted.body ?? {}).sort()]).toEqual([
      200,
      ['CiphertextBlob', 'EncryptionAlgorithm', 'KeyId'],
    ]);
    const body = Buffer.from(JSON.stringify({ Limit: 1 }));
    const headers = {
      ...targeting('ListKeys'),
      authorization: `Bearer ${text}`,
      host: '127.0.0.1',
    };
    const rawHeaders = Object.entries({ ...headers, 'content-length': `${body.length}` }).flat();
    const listed = await send(daemon, { method: 'POST', url: '/', rawHeaders, body });
    expect([listed.status, listed.text]).toEqual([200, expect.stringContaining(keyId)]);
    expect(problem(await bearing(daemon, text, `GET /v1/keys/${keyId}`))).toEqual([
      403,
      'AccessDeniedException',
      `User: ${arnOfUser('ann')} is not authorized to perform: kms:DescribeKey on resource: arn:aws:kms:us-east-1:${account}:key/${keyId} because no identity-based policy allows the kms:DescribeKey action`,
    ]);
  });

  test('may nothing else than its policy allows, whoever names its principal', async () => {
    const { text } = await makeToken(daemon, { Policy: allowing('kms:DescribeKey') });
    expect((await bearing(daemon, text, `GET /v1/keys/${keyId}`)).status).toBe(200);
    expect(problem(await bearing(daemon, text, 'GET /v1/keys'))).toEqual([
      403,
      'AccessDeniedException',
      `User: arn:aws:iam::${account}:root is not authorized to perform: kms:ListKeys on resource: * because no session policy allows the kms:ListKeys action`,
    ]);
  });

  test('makes no API tokens, whatever it may', async () => {
    const { text } = await makeToken(daemon);
    expect(problem(await bearing(daemon, text, 'POST /v1/api-tokens', { body: {} }))).toEqual([
      403,
      'AccessDeniedException',
      `User: arn:aws:iam::${account}:root is not authorized to perform: claviger:CreateApiToken because an API token makes no API tokens`,
    ]);
    expect(await bearing(daemon, text, 'GET /v1/api-tokens')).toMatchObject({ status: 200 });
  });

  test('is its principal’s, whatever that is called', async () => {
    const old = await makeUserAllowed(daemon, 'old');
    await allow('old');
    const { id, text } = await makeToken(daemon, { credentials: old });
    await iamClient(daemon).send(new UpdateUserCommand({ UserName: 'old', NewUserName: 'new' }));
    const { body } = await bearing(daemon, text, 'GET /v1/api-tokens');
    expect(body).toMatchObject({ ApiTokens: [{ TokenId: id, PrincipalArn: arnOfUser('new') }] });
  });
});

describe('its audit record', () => {
  test('of its making has all but what it is', async () => {
    const Policy = allowing('kms:ListKeys');
    const { id, text, reply } = await makeToken(daemon, { Name: 'audited', Policy });
    const record = await auditOf(daemon, requestId(reply));
    expect(record).toMatchObject({
      eventSource: 'claviger.amazonaws.com',
      eventName: 'CreateApiToken',
      readOnly: false,
      requestParameters: { name: 'audited', policy: Policy },
      responseElements: { apiToken: { tokenId: id, name: 'audited', policy: Policy } },
      resources: [
        { ARN: `arn:aws:claviger:us-east-1:${account}:api-token/${account}/*`, accountId: account },
      ],
    });
    const used = await bearing(daemon, text, 'GET /v1/keys?limit=1');
    const { userIdentity } = await auditOf(daemon, requestId(used));
    expect(userIdentity).toMatchObject({ type: 'Root', credentialId: id });
    expect(userIdentity).not.toHaveProperty('accessKeyId');
    const [, , secret = ''] = /^(clv_[A-Z2-7]+_)(.*)$/.exec(text) ?? [];
    const kept = [...(await auditTexts(daemon)), JSON.stringify(daemon.log)].join('\n');
    expect(kept).not.toContain(secret);
    expect(daemon.log).toContainEqual(expect.objectContaining({ apiToken: id, outcome: 'ok' }));
    await bearing(daemon, text, `DELETE /v1/api-tokens/${id}`);
  });
});

describe('who may', () => {
  let bob: TestCredentials;
  let admin: TestCredentials;
  beforeAll(async () => {
    bob = await makeUserAllowed(daemon, 'bob');
    await allow('bob');
    admin = await makeUserAllowed(daemon, 'admin');
    await allow('admin', policyOfPage(1));
  });

  test('make one is said by its policies', async () => {
    const nobody = await makeUserAllowed(daemon, 'nobody', 'kms:*');
    const refused = await rest(daemon, 'POST /v1/api-tokens', {}, { credentials: nobody });
    expect(problem(refused)).toEqual([
      403,
      'AccessDeniedException',
      expect.stringMatching(
        /^User: arn:aws:iam::111122223333:user\/nobody is not authorized to perform: claviger:CreateApiToken on resource: arn:aws:claviger:us-east-1:111122223333:api-token\/AIDA[A-Z2-7]+\/\* because no identity-based policy allows the claviger:CreateApiToken action$/,
      ),
    ]);
  });

  test('may be bound to short ones', async () => {
    const brief = await makeUserAllowed(daemon, 'brief');
    await allow('brief', policyOfPage(0));
    const ask = async (body: object): Promise<number> =>
      (await rest(daemon, 'POST /v1/api-tokens', body, { credentials: brief })).status;
    expect(await ask({ DurationSeconds: 86_400 })).toBe(201);
    expect(await ask({ DurationSeconds: 86_401 })).toBe(403);
    expect(await ask({})).toBe(403);
  });

  test('see those of others: an administrator, by principal or all', async () => {
    const { id } = await makeToken(daemon, { credentials: bob });
    const all = await listing(admin, '?PrincipalArn=*');
    expect(all).toEqual([...all].sort());
    expect(all).toContain(id);
    expect(all.length).toBeGreaterThan(1);
    expect(await listing(admin, `?PrincipalArn=${arnOfUser('bob')}`)).toEqual([id]);
    expect(await listing(bob, `?PrincipalArn=${arnOfUser('bob')}`)).toEqual([id]);
    const absent = `/v1/api-tokens?PrincipalArn=${arnOfUser('absent')}`;
    expect(problem(await rest(daemon, `GET ${absent}`, undefined, { credentials: admin }))).toEqual(
      [404, 'NotFoundException', `Principal '${arnOfUser('absent')}' does not exist`],
    );
  });

  test('see those of others is told nothing else of them: neither whose there are, nor whom there is', async () => {
    for (const arn of [arnOfUser('ann'), arnOfUser('absent'), '*']) {
      const line = `GET /v1/api-tokens?PrincipalArn=${arn}`;
      expect(problem(await rest(daemon, line, undefined, { credentials: bob }))).toEqual([
        403,
        'AccessDeniedException',
        `User: ${arnOfUser('bob')} is not authorized to perform: claviger:ListApiTokens on the API tokens of ${arn}`,
      ]);
    }
  });

  test('delete one: its owner and an administrator, and to all others there is none', async () => {
    const made = await Promise.all([1, 2].map(() => makeToken(daemon, { credentials: ann })));
    const [first, second] = made.map(({ id }) => `DELETE /v1/api-tokens/${id}`) as [string, string];
    const notFound = (line: string) => [
      404,
      'NotFoundException',
      `API token '${line.split('/').at(-1) ?? ''}' does not exist`,
    ];
    const ask = (line: string, credentials: TestCredentials) =>
      rest(daemon, line, undefined, { credentials });
    expect(problem(await ask(first, bob))).toEqual(notFound(first));
    expect(await ask(first, ann)).toMatchObject({ status: 204, body: undefined });
    expect(problem(await ask(first, ann))).toEqual(notFound(first));
    expect(await ask(second, admin)).toMatchObject({ status: 204 });
    for (const { text } of made) {
      expect(problem(await bearing(daemon, text, 'GET /v1/keys'))).toEqual([
        401,
        'UnrecognizedClientException',
        'The security token included in the request is invalid.',
      ]);
    }
  });
});

test('Who may delete no tokens at all is told the same of one of another and of none', async () => {
  const eve = await makeUserAllowed(daemon, 'eve', 'kms:ListKeys');
  const { id } = await makeToken(daemon, { credentials: ann });
  const told = async (tokenId: string) => {
    const line = `DELETE /v1/api-tokens/${tokenId}`;
    const refused = problem(await rest(daemon, line, undefined, { credentials: eve }));
    return refused.map((value) => String(value).replace(tokenId, '…'));
  };
  expect(await told(id)).toEqual([
    '403',
    'AccessDeniedException',
    expect.stringMatching(
      /^User: .*:user\/eve is not authorized to perform: claviger:DeleteApiToken on resource: arn:[^ ]*:api-token\/AIDA[A-Z0-9]+\/… because no identity-based policy allows/,
    ),
  ]);
  expect(await told(id)).toEqual(await told('ATKN234567ABCDEFGHIJ'));
  await rest(daemon, `DELETE /v1/api-tokens/${id}`, undefined, { credentials: ann });
});

describe('tokens of sessions', () => {
  let role: string;
  beforeAll(async () => {
    role = await makeRole(daemon, 'job', { actions: ['kms:*', 'claviger:*'] });
  });
  const session = (different: object = {}) =>
    assume(stsClient(daemon, ann), { RoleArn: role, RoleSessionName: 'nightly', ...different });

  test('are the session, with its policies and no longer than it', async () => {
    const credentials = await session({
      DurationSeconds: 900,
      Policy: allowing('kms:ListKeys', 'kms:DescribeKey', 'claviger:*'),
    });
    const { id, text, reply } = await makeToken(daemon, {
      ...{ credentials, DurationSeconds: 86_400 },
      Policy: allowing('kms:ListKeys', 'kms:Encrypt'),
    });
    const { ExpirationDate, CreationDate, PrincipalArn } = reply.body?.['ApiToken'] as Record<
      'ExpirationDate' | 'CreationDate' | 'PrincipalArn',
      string
    >;
    expect(PrincipalArn).toBe(`arn:aws:sts::${account}:assumed-role/job/nightly`);
    expect(Date.parse(ExpirationDate) - Date.parse(CreationDate)).toBeLessThanOrEqual(900_000);
    const listed = await bearing(daemon, text, 'GET /v1/keys');
    expect(listed.status).toBe(200);
    const body = { Plaintext: 'AAAA' };
    for (const line of [`POST /v1/keys/${keyId}/encrypt`, `GET /v1/keys/${keyId}`]) {
      const reply = await bearing(daemon, text, line, line.startsWith('POST') ? { body } : {});
      expect(problem(reply)).toEqual([
        403,
        'AccessDeniedException',
        expect.stringContaining('because no session policy allows the kms:'),
      ]);
    }
    const { userIdentity } = await auditOf(daemon, requestId(listed));
    expect(userIdentity).toMatchObject({
      type: 'AssumedRole',
      credentialId: id,
      sessionContext: { sessionIssuer: { arn: role } },
    });
  });

  test('are counted and listed by role, and by session', async () => {
    const two = await session({ RoleSessionName: 'two' });
    const { id } = await makeToken(daemon, { credentials: two });
    const root = daemon.credentials;
    const ofTwo = `arn:aws:sts::${account}:assumed-role/job/two`;
    expect(await listing(two)).toEqual([id]);
    expect(await listing(root, `?PrincipalArn=${ofTwo}`)).toEqual([id]);
    const ofRole = await listing(root, `?PrincipalArn=${role}`);
    expect(ofRole).toHaveLength(2);
    for (let made = ofRole.length; made < quota; made += 1) {
      await makeToken(daemon, { credentials: two });
    }
    const refused = await rest(daemon, 'POST /v1/api-tokens', {}, { credentials: await session() });
    expect(problem(refused)).toEqual([
      409,
      'LimitExceededException',
      'API tokens per principal quota for this account in this region is 4, current usage is 4.',
    ]);
  });

  test('of a user’s session end with it too', async () => {
    const answer = await stsClient(daemon, ann).send(
      new GetSessionTokenCommand({ DurationSeconds: 900 }),
    );
    const credentials = taken(answer.Credentials);
    const { id, reply } = await makeToken(daemon, { credentials });
    expect(reply.body?.['ApiToken']).toMatchObject({
      PrincipalArn: arnOfUser('ann'),
      ExpirationDate: answer.Credentials?.Expiration?.toISOString(),
    });
    await rest(daemon, `DELETE /v1/api-tokens/${id}`, undefined, { credentials: ann });
  });

  test('are not made by a session that a service uses for another', async () => {
    const name = 'docs.claviger.internal';
    const service = await makeService(daemon, name);
    const credentials = await forwardedSession(daemon, { caller: ann, name, service });
    const refused = await rest(daemon, 'POST /v1/api-tokens', {}, { credentials });
    expect(problem(refused)).toEqual([
      403,
      'AccessDeniedException',
      `User: ${arnOfUser('ann')} is not authorized to perform: claviger:CreateApiToken because a forwarded session is for KMS alone`,
    ]);
  });
});

test('A service manages tokens of its own, without a policy, and within that of the token', async () => {
  const name = 'store.claviger.internal';
  const service = await makeService(daemon, name);
  const { id, text } = await makeToken(daemon, { credentials: service });
  const narrow = await makeToken(daemon, { credentials: service, Policy: allowing('kms:*') });
  expect([...(await listing(service))].sort()).toEqual([id, narrow.id].sort());
  const list = 'GET /v1/api-tokens';
  expect(problem(await bearing(daemon, narrow.text, list))).toEqual([
    403,
    'AccessDeniedException',
    expect.stringContaining(`User: ${name} is not authorized to perform: claviger:ListApiTokens`),
  ]);
  const listed = await bearing(daemon, text, list);
  expect(listed.status).toBe(200);
  expect((await auditOf(daemon, requestId(listed))).userIdentity).toMatchObject({
    ...{ type: 'AWSService', credentialId: id, invokedBy: name },
  });
  await daemon.run('service', 'delete', name);
  for (const token of [text, narrow.text]) {
    expect((await bearing(daemon, token, list)).status).toBe(401);
  }
});

describe('what is refused', () => {
  test.each([
    ['a policy that is none', { Policy: '{}' }, 422, 'MalformedPolicyDocumentException'],
    [
      'a policy that names principals',
      {
        Policy: policyOf({ Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' }),
      },
      ...([422, 'MalformedPolicyDocumentException'] as const),
    ],
    ['a minute less a second', { DurationSeconds: 59 }, 422, 'ValidationException'],
    ['a year and a second', { DurationSeconds: 31_536_001 }, 422, 'ValidationException'],
    ['a name of control characters', { Name: 'a\nb' }, 422, 'ValidationException'],
  ] as const)('%s', async (_, body, status, code) => {
    const reply = await rest(daemon, 'POST /v1/api-tokens', body, { credentials: ann });
    expect([reply.status, reply.body?.['code']]).toEqual([status, code]);
  });

  test('a cursor of another list', async () => {
    const first = await rest(daemon, 'GET /v1/api-tokens?limit=1');
    const cursor = String(first.body?.['next']);
    expect((await rest(daemon, `GET /v1/api-tokens?cursor=${cursor}`)).status).toBe(200);
    const other = await rest(daemon, `GET /v1/api-tokens?PrincipalArn=*&cursor=${cursor}`);
    expect([other.status, other.body?.['code']]).toEqual([422, 'InvalidMarkerException']);
  });
});
