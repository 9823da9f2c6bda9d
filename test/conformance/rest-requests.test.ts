import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { auditOf } from '../support/kms';
import { rest, unsignedRest } from '../support/rest';
import { type Members, type Succeeded, idIn, problemOf, succeeded } from '../support/rest-answers';
import { send, signed } from '../support/wire';

/** What is the same for every route: lists that go on, and signatures over paths. */
let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.remove());

const done = (line: string, body?: object): Promise<Succeeded> => succeeded(daemon, line, body);
const problem = (line: string, body?: object): Promise<Members> => problemOf(daemon, line, body);
const text = (value: unknown): string => value as string;
const message = Buffer.from('attack at dawn').toString('base64');

async function makeKey(): Promise<string> {
  return text((await done('POST /v1/keys')).headers.location);
}

test('A refusal is recorded under the operation of its route, where there is one', async () => {
  const cases: readonly (readonly [line: string, body: string, eventName: string, code: string])[] =
    [
      ['POST /v1/keys', '{', 'CreateKey', 'SerializationException'],
      ['GET /v1/keys?limit=x', '', 'ListKeys', 'ValidationException'],
      ['GET /v1/nothing', '', 'UnknownOperation', 'UnknownOperationException'],
      ['PUT /v1/keys', '', 'UnknownOperation', 'MethodNotAllowedException'],
    ];
  for (const [line, body, eventName, errorCode] of cases) {
    const { headers } = await rest(daemon, line, body);
    const record = await auditOf(daemon, text(headers['x-amzn-requestid']));
    expect(record).toMatchObject({ eventName, errorCode, requestParameters: null });
  }
  const unsigned = await unsignedRest(daemon, 'GET /v1/keys/alias%2Fnobody');
  expect(await auditOf(daemon, text(unsigned.headers['x-amzn-requestid']))).toMatchObject({
    eventName: 'DescribeKey',
    userIdentity: { type: 'Unknown' },
  });
});

describe('A list', () => {
  const aliases = Array.from({ length: 7 }, (_, i) => `alias/page-${i}`);
  let key: string;
  beforeAll(async () => {
    key = await makeKey();
    for (let more = 0; more < 6; more++) await makeKey();
    for (const AliasName of aliases) {
      await done('POST /v1/aliases', { AliasName, TargetKeyId: idIn(key) });
    }
  });

  const named = ({ body }: { readonly body: Members }): string[] =>
    (body['Aliases'] as Members[]).map(({ AliasName }) => text(AliasName));

  test.each([1, 3, 7, 100])('goes on by its cursors in pages of %i', async (limit) => {
    const found: string[] = [];
    let cursor: string | undefined;
    do {
      const further: string = cursor === undefined ? '' : `&cursor=${cursor}`;
      const page = await done(`GET /v1/aliases?KeyId=${idIn(key)}&limit=${limit}${further}`);
      expect(Object.keys(page.body).filter((name) => name !== 'next')).toEqual(['Aliases']);
      expect(named(page).length).toBeLessThanOrEqual(limit);
      found.push(...named(page));
      cursor = page.body['next'] as string | undefined;
      if (cursor !== undefined) expect(cursor).toMatch(/^[\w-]+$/);
    } while (cursor !== undefined);
    expect(found).toEqual(aliases);
  });

  test('goes on by its links, and a HEAD has them too', async () => {
    const found: string[] = [];
    let url: string | undefined = `/v1/aliases?limit=2&KeyId=${idIn(key)}`;
    while (url !== undefined) {
      const page: Succeeded = await done(`GET ${url}`);
      const head = await rest(daemon, `HEAD ${url}`);
      expect([
        head.status,
        head.text,
        head.headers['link'],
        head.headers['content-length'],
      ]).toEqual([...[200, '', page.headers['link'], page.headers['content-length']]]);
      found.push(...named(page));
      url = /^<(.+)>; rel="next"$/.exec(text(page.headers['link'] ?? ''))?.[1];
    }
    expect(found).toEqual(aliases);
  });

  test('is given all keys, each once', async () => {
    const found: unknown[] = [];
    let url = '/v1/keys?limit=5';
    for (;;) {
      const { body } = await done(`GET ${url}`);
      found.push(...(body['Keys'] as Members[]).map(({ KeyId }) => KeyId));
      if (body['next'] === undefined) break;
      url = `/v1/keys?limit=5&cursor=${text(body['next'])}`;
    }
    expect(new Set(found).size).toBe(found.length);
    expect(found).toContain(idIn(key));
  });

  test('refuses a cursor that it did not give', async () => {
    const cursor = Buffer.from('nothing of ours').toString('base64url');
    expect(await problem(`GET /v1/aliases?cursor=${cursor}`)).toEqual({
      status: 422,
      code: 'InvalidMarkerException',
    });
  });
});

describe('A signature', () => {
  let key: string;
  let arn: string;
  beforeAll(async () => {
    const { body, headers } = await done('POST /v1/keys');
    key = text(headers.location);
    arn = text((body as { KeyMetadata: Members }).KeyMetadata['Arn']);
    await done('POST /v1/aliases', { AliasName: 'alias/signed/for', TargetKeyId: idIn(key) });
  });

  test('is over a path as it is sent, however its name is escaped', async () => {
    const paths = [
      ...[key, `/v1/keys/${arn.replace('/', '%2F')}`, `/v1/keys/${encodeURIComponent(arn)}`],
      ...['/v1/keys/alias%2Fsigned%2Ffor', '/v1/keys/%61lias%2fsigned%2Ffor'],
      `/v1/keys/${arn.replace(/key\/.*/, 'alias%2Fsigned%2Ffor')}`,
    ];
    for (const path of paths) {
      expect((await done(`GET ${path}`)).body).toMatchObject({ KeyMetadata: { Arn: arn } });
      await done(`POST ${path}/encrypt`, { Plaintext: message });
    }
  });

  test('is over a query too, and may stand there', async () => {
    const grantTokens = 'GrantTokens=a%20b%2Bc&GrantTokens=%2F';
    expect(await problem(`GET ${key}?${grantTokens}`)).toEqual({
      status: 422,
      code: 'InvalidGrantTokenException',
    });
    const unsigned = { method: 'GET', path: key, body: '' };
    const presigned = await signed(daemon, unsigned, { expiresIn: 60, checksum: false });
    const reply = await send(daemon, presigned);
    expect([reply.status, JSON.parse(reply.text)]).toMatchObject([
      200,
      { KeyMetadata: { Arn: arn } },
    ]);
  });

  test('is good for its own method, path, query and body alone', async () => {
    const request = await signed(daemon, { method: 'GET', path: key, body: '' });
    const changed = [
      { method: 'DELETE' },
      { url: `${key}?GrantTokens=a` },
      { url: key.replace('keys', 'keys%2F') },
      { url: `${key}/policy` },
    ];
    for (const change of changed) {
      const reply = await send(daemon, { ...request, ...change });
      const status = change.url?.includes('%2F') === true ? 404 : 401;
      expect([change, reply.status]).toEqual([change, status]);
    }
    expect((await send(daemon, request)).status).toBe(200);
    const headers = { 'content-type': 'application/json' };
    const posted = {
      method: 'POST',
      path: `${key}/encrypt`,
      headers,
      body: '{"Plaintext":"AAAA"}',
    };
    const encrypting = await signed(daemon, posted);
    const other = { ...encrypting, body: Buffer.from('{"Plaintext":"AAAB"}') };
    expect((await send(daemon, other)).status).toBe(401);
  });

  test('may be made by curl', async () => {
    const { credentials, region, endpoint } = daemon;
    const { stdout } = await promisify(execFile)('curl', [
      ...['--silent', '--show-error', '--aws-sigv4', `aws:amz:${region}:kms`],
      ...['--user', `${credentials.accessKeyId}:${credentials.secretAccessKey}`],
      ...[
        '--header',
        'Content-Type: application/json',
        '--data',
        JSON.stringify({ Plaintext: message }),
      ],
      `${endpoint}${key}/encrypt`,
    ]);
    expect(JSON.parse(stdout)).toMatchObject({ KeyId: arn });
  });
});
