import {
  CreateUserCommand,
  DeleteAccessKeyCommand,
  DeleteRoleCommand,
  DeleteRolePolicyCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  PutRolePolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { CreateGrantCommand, PutKeyPolicyCommand } from '@aws-sdk/client-kms';
import { type MadeToken, bearing, makeToken, problem, requestId } from '../support/api-tokens';
import { type TestCredentials, type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient } from '../support/iam-client';
import { allowing } from '../support/iam-documents';
import { auditOf, auditTexts, createKey, otherAccount } from '../support/kms';
import { administer } from '../support/postgres';
import { type RestReply, rest } from '../support/rest';
import { assume, makeRole, makeUserAllowed, stsClient } from '../support/sts-client';
import { send } from '../support/wire';

const account = '111122223333';
const stranger = '444455556666';
const userArn = (name: string): string => `arn:aws:iam::${account}:user/${name}`;

let daemon: TestDaemon;
let keyId: string;
/** Of ann, without a policy of its own. */
let token: MadeToken;
let ann: TestCredentials;

beforeAll(async () => {
  daemon = await startDaemon({
    workers: 2,
    environment: { CLAVIGER_TRUSTED_PROXIES: '127.0.0.1' },
  });
  ann = await makeUserAllowed(daemon, 'ann', 'kms:*', 'claviger:*', 'iam:*', 'sts:*');
  token = await makeToken(daemon, { credentials: ann });
  keyId = (await createKey(daemon.client())).id;
});
afterAll(() => daemon.remove());

const invalid = [
  401,
  'UnrecognizedClientException',
  'The security token included in the request is invalid.',
];
const missing = [401, 'MissingAuthenticationTokenException', 'Missing Authentication Token'];
const denied = [
  403,
  'AccessDeniedException',
  expect.stringContaining('because no session policy allows the kms:'),
];

const list = 'GET /v1/keys?limit=1';

/** What a token gets, on connections enough to meet every worker. */
async function everywhere(text: string): Promise<readonly (readonly unknown[])[]> {
  const replies = await Promise.all(Array.from({ length: 8 }, () => bearing(daemon, text, list)));
  const different = new Map(replies.map((reply) => [JSON.stringify(problem(reply)), reply]));
  return [...different.values()].map(problem);
}

/** Without a signature. */
async function unsigned(
  line: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<RestReply> {
  const [method = '', url = ''] = line.split(' ');
  const rawHeaders = Object.entries({ host: '127.0.0.1', ...headers }).flat();
  const reply = await send(daemon, { method, url, rawHeaders, body: Buffer.alloc(0) });
  return { ...reply, body: JSON.parse(reply.text) as RestReply['body'] };
}

describe('a thief', () => {
  test('of the database finds nothing that is accepted', async () => {
    const [row] = await administer<{ secret_hash: Buffer }>(
      daemon.databaseUrl,
      `select * from api_token where token_id = '${token.id}'`,
    );
    const hash = row?.secret_hash ?? Buffer.alloc(0);
    expect(JSON.stringify(row)).not.toContain(token.text.slice(-43));
    for (const guess of [hash.toString('base64url'), hash.toString('hex'), '']) {
      expect(problem(await bearing(daemon, `clv_${token.id}_${guess}`, list))).toEqual(invalid);
    }
  });

  test('of a part of a token, or of two tokens’ parts, is told what one of no token is', async () => {
    const other = await makeToken(daemon);
    for (const guess of [
      token.text.slice(0, -1),
      token.text.slice(0, -43),
      `${token.text}A`,
      `clv_${other.id}_${token.text.slice(-43)}`,
      `clv_${token.id.toLowerCase()}_${token.text.slice(-43)}`,
      'clv_ATKNAAAAAAAAAAAAAAAA_',
      `clv_ATKNAAAAAAAAAAAAAAAA_${token.text.slice(-43)}`,
    ]) {
      expect(problem(await bearing(daemon, guess, list))).toEqual(invalid);
    }
    const refused = await bearing(daemon, token.text.slice(0, -1), list);
    expect(await auditOf(daemon, requestId(refused))).toMatchObject({
      userIdentity: { type: 'Unknown' },
      errorCode: 'UnrecognizedClientException',
    });
  });

  test('cannot listen to one on a network: over a clear one it is not accepted', async () => {
    const headers = { 'x-forwarded-for': '203.0.113.9' };
    for (const more of [{}, { 'x-forwarded-proto': 'http' }]) {
      const refused = await bearing(daemon, token.text, list, { headers: { ...headers, ...more } });
      expect(problem(refused)).toEqual([
        401,
        'MissingAuthenticationTokenException',
        'Bearer tokens are accepted over TLS only.',
      ]);
    }
    const secure = { ...headers, 'x-forwarded-proto': 'https' };
    expect((await bearing(daemon, token.text, list, { headers: secure })).status).toBe(200);
  });

  test('finds it in no log and no record, wherever it was put: it is accepted in one place alone', async () => {
    const { text } = await makeToken(daemon, { credentials: ann });
    const query = `${list}&`;
    const inQuery = [
      `access_token=${text}`,
      `Authorization=Bearer%20${text}`,
      `X-Amz-Token=${text}`,
    ];
    for (const parameter of inQuery) {
      expect(problem(await unsigned(query + parameter))).toEqual(missing);
    }
    for (const header of ['x-api-key', 'x-amz-security-token', 'cookie', 'proxy-authorization']) {
      expect(problem(await unsigned(list, { [header]: `Bearer ${text}` }))).toEqual(missing);
    }
    await unsigned(`GET /v1/${text}`);
    await unsigned(list, { authorization: `Basic ${text}` });
    await unsigned(list, { authorization: `Bearer clv_ ${text}` });
    await bearing(daemon, text, `GET /v1/keys?access_token=${text}`);
    await bearing(daemon, text, `DELETE /v1/api-tokens/${text}`);
    expect((await bearing(daemon, text, list)).status).toBe(200);
    const secret = text.slice(-43);
    expect(JSON.stringify(daemon.log)).not.toContain(secret);
    expect((await auditTexts(daemon)).filter((record) => record.includes(secret))).toEqual([]);
  });
});

describe('a token cannot be turned into more', () => {
  /** Statements of a request of IAM or STS, which take tokens of identity providers. */
  async function query(body: string): Promise<readonly [number, string | undefined]> {
    const headers = {
      ...{ host: '127.0.0.1', authorization: `Bearer ${token.text}` },
      ...{
        'content-type': 'application/x-www-form-urlencoded',
        'content-length': `${body.length}`,
      },
    };
    const rawHeaders = Object.entries(headers).flat();
    const reply = await send(daemon, {
      method: 'POST',
      url: '/',
      rawHeaders,
      body: Buffer.from(body),
    });
    return [reply.status, /<Code>(.*)<\/Code>/.exec(reply.text)?.[1]];
  }

  test.each([
    'Action=GetCallerIdentity&Version=2011-06-15',
    'Action=GetSessionToken&Version=2011-06-15',
    `Action=AssumeRole&Version=2011-06-15&RoleSessionName=x&RoleArn=arn:aws:iam::${account}:role/r`,
    'Action=CreateAccessKey&Version=2010-05-08',
  ])('by IAM or STS: %s', async (body) => {
    expect(await query(body)).toEqual([403, 'InvalidClientTokenId']);
  });

  test('by a key policy or a grant that names its principal', async () => {
    const kms = daemon.client();
    const named = (await createKey(kms)).id;
    const toAnn = {
      Effect: 'Allow',
      Principal: { AWS: userArn('ann') },
      Action: 'kms:*',
      Resource: '*',
    };
    const root = { ...toAnn, Principal: { AWS: account } };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement: [root, toAnn] });
    await kms.send(new PutKeyPolicyCommand({ KeyId: named, Policy }));
    const granted = (await createKey(kms)).id;
    await kms.send(
      new CreateGrantCommand({
        ...{ KeyId: granted, GranteePrincipal: userArn('ann') },
        Operations: ['Encrypt', 'Decrypt', 'DescribeKey'],
      }),
    );
    const policy = allowing('kms:ListKeys', 'kms:DescribeKey');
    const narrow = await makeToken(daemon, { credentials: ann, Policy: policy });
    for (const id of [named, granted]) {
      const encrypt = `POST /v1/keys/${id}/encrypt`;
      const body = { Plaintext: 'AAAA' };
      expect((await bearing(daemon, token.text, encrypt, { body })).status).toBe(200);
      expect(problem(await bearing(daemon, narrow.text, encrypt, { body }))).toEqual(denied);
      expect((await bearing(daemon, narrow.text, `GET /v1/keys/${id}`)).status).toBe(200);
    }
  });

  test('by a policy that its principal does not have', async () => {
    const few = await makeUserAllowed(daemon, 'few', 'claviger:CreateApiToken');
    const wide = await makeToken(daemon, { credentials: few, Policy: allowing('*') });
    expect(problem(await bearing(daemon, wide.text, list))).toEqual([
      403,
      'AccessDeniedException',
      expect.stringContaining('because no identity-based policy allows the kms:ListKeys action'),
    ]);
  });

  test('by a token of its own, or a batch', async () => {
    const narrow = await makeToken(daemon, { credentials: ann, Policy: allowing('claviger:*') });
    const more = await bearing(daemon, narrow.text, 'POST /v1/api-tokens', { body: {} });
    expect(problem(more)).toEqual([
      403,
      'AccessDeniedException',
      `User: ${userArn('ann')} is not authorized to perform: claviger:CreateApiToken because an API token makes no API tokens`,
    ]);
    const Entries = [{ Operation: 'Encrypt', Input: { KeyId: keyId, Plaintext: 'AAAA' } }];
    const batch = await bearing(daemon, narrow.text, 'POST /v1/batch', { body: { Entries } });
    expect(batch.body).toMatchObject({
      Results: [{ Status: 403, Problem: { code: 'AccessDeniedException' } }],
    });
  });

  test('by what another account may: its tokens are none here', async () => {
    const credentials = await otherAccount(daemon, stranger);
    const refusedList = await rest(
      daemon,
      `GET /v1/api-tokens?PrincipalArn=${userArn('ann')}`,
      undefined,
      { credentials },
    );
    expect(problem(refusedList)).toEqual([
      404,
      'NotFoundException',
      `Principal '${userArn('ann')}' does not exist`,
    ]);
    const all = await rest(daemon, 'GET /v1/api-tokens?PrincipalArn=*', undefined, { credentials });
    expect(all.body).toEqual({ ApiTokens: [] });
    const line = `DELETE /v1/api-tokens/${token.id}`;
    expect(problem(await rest(daemon, line, undefined, { credentials }))).toEqual([
      404,
      'NotFoundException',
      `API token '${token.id}' does not exist`,
    ]);
    const theirs = await makeToken(daemon, { credentials });
    expect(problem(await bearing(daemon, theirs.text, `GET /v1/keys/${keyId}`))).toEqual([
      404,
      'NotFoundException',
      expect.any(String),
    ]);
    expect((await bearing(daemon, token.text, list)).status).toBe(200);
  });
});

describe('what is taken back is taken back from every worker, when that is answered', () => {
  test('a token that is deleted, by itself too', async () => {
    for (const round of [1, 2, 3]) {
      const { id, text } = await makeToken(daemon, { credentials: ann, Name: `round ${round}` });
      expect(await everywhere(text)).toEqual([[200, undefined, undefined]]);
      expect((await bearing(daemon, text, `DELETE /v1/api-tokens/${id}`)).status).toBe(204);
      expect(await everywhere(text)).toEqual([invalid]);
    }
  });

  test('the tokens of a user who is deleted, which they do not keep anybody from, nor one of its name', async () => {
    const iam = iamClient(daemon);
    const UserName = 'leaver';
    const { accessKeyId: AccessKeyId, ...credentials } = await makeUserAllowed(
      daemon,
      UserName,
      'kms:*',
      'claviger:*',
    );
    const { id, text } = await makeToken(daemon, {
      credentials: { accessKeyId: AccessKeyId, ...credentials },
    });
    expect(await everywhere(text)).toEqual([[200, undefined, undefined]]);
    await iam.send(new DeleteUserPolicyCommand({ UserName, PolicyName: 'allowed' }));
    await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
    await iam.send(new DeleteUserCommand({ UserName }));
    expect(await everywhere(text)).toEqual([invalid]);
    const PolicyDocument = allowing('kms:*');
    await iam.send(new CreateUserCommand({ UserName }));
    await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'p', PolicyDocument }));
    expect(await everywhere(text)).toEqual([invalid]);
    const all = await rest(daemon, 'GET /v1/api-tokens?PrincipalArn=*');
    expect(all.text).not.toContain(id);
  });

  test('what a role may, from the tokens of its sessions; then its sessions, and then itself', async () => {
    const iam = iamClient(daemon);
    const role = { RoleName: 'job' };
    const policy = { ...role, PolicyName: 'allowed' };
    const RoleArn = await makeRole(daemon, 'job', { actions: ['kms:*', 'claviger:*'] });
    const credentials = await assume(stsClient(daemon, ann), { RoleArn });
    const { text } = await makeToken(daemon, { credentials });
    expect(await everywhere(text)).toEqual([[200, undefined, undefined]]);

    await iam.send(
      new PutRolePolicyCommand({ ...policy, PolicyDocument: allowing('kms:Encrypt') }),
    );
    const because = (reason: string) => [
      [403, 'AccessDeniedException', expect.stringContaining(reason)],
    ];
    expect(await everywhere(text)).toEqual(
      because('because no identity-based policy allows the kms:ListKeys action'),
    );

    const Condition = { DateLessThan: { 'aws:TokenIssueTime': new Date().toISOString() } };
    const Statement = [
      { Effect: 'Allow', Action: '*', Resource: '*' },
      { Effect: 'Deny', Action: '*', Resource: '*', Condition },
    ];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await iam.send(new PutRolePolicyCommand({ ...policy, PolicyDocument }));
    expect(await everywhere(text)).toEqual(
      because('with an explicit deny in an identity-based policy'),
    );

    await iam.send(new DeleteRolePolicyCommand(policy));
    await iam.send(new DeleteRoleCommand(role));
    expect(await everywhere(text)).toEqual([invalid]);
  });

  test('tokens that were made before a moment, from users as from sessions', async () => {
    const iam = iamClient(daemon);
    const UserName = 'reset';
    const credentials = await makeUserAllowed(daemon, UserName, 'kms:*', 'claviger:*');
    const { text } = await makeToken(daemon, { credentials });
    const later = new Date(Date.now() + 5000).toISOString();
    const Condition = { DateLessThan: { 'aws:TokenIssueTime': later } };
    const Statement = [{ Effect: 'Deny', Action: '*', Resource: '*', Condition }];
    const PolicyDocument = JSON.stringify({ Version: '2012-10-17', Statement });
    await iam.send(new PutUserPolicyCommand({ UserName, PolicyName: 'older', PolicyDocument }));
    expect((await bearing(daemon, text, list)).status).toBe(403);
    expect((await rest(daemon, list, undefined, { credentials })).status).toBe(200);
  });
});

test('A token of a user who makes many at once is within the quota', async () => {
  const credentials = await makeUserAllowed(daemon, 'eager', 'claviger:*');
  await administer(
    daemon.databaseUrl,
    `insert into api_token
       (token_id, secret_hash, account_id, principal_id, caller_id, created_at, expires_at, kept_until)
     select 'ATKNEAGER' || lpad(n::text, 11, '0'), sha256('x'), account_id, principal_id, principal_id,
       now() - interval '1 day', now() + interval '1 day' * case n when 99 then -0.5 else 1 end, now() + interval '8 days'
     from principal, generate_series(1, 99) as n where name = 'eager'`,
  );
  const made = await Promise.all(
    Array.from({ length: 6 }, () => rest(daemon, 'POST /v1/api-tokens', {}, { credentials })),
  );
  expect(made.map(({ status }) => status).sort()).toEqual([201, 201, 409, 409, 409, 409]);
});
