import { randomBytes } from 'node:crypto';
import { bearing, makeToken, problem, requestId } from '../support/api-tokens';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { auditOf, auditTexts, createKey } from '../support/kms';

let daemon: TestDaemon;
let token: string;
let keyId: string;
beforeAll(async () => {
  daemon = await startDaemon({ environment: { CLAVIGER_DATABASE_POOL_SIZE: '2' } });
  token = (await makeToken(daemon)).text;
  keyId = (await createKey(daemon.client())).id;
});
afterAll(() => daemon.remove());

// The first test, so that the worker has not read its sealing keys.
test('Grants of one key made at once do not keep each other from a connection of the database', async () => {
  const GranteePrincipal = `arn:aws:iam::${daemon.accountId}:root`;
  const made = await Promise.all(
    Array.from({ length: 6 }, (_, at) =>
      bearing(daemon, token, `POST /v1/keys/${keyId}/grants`, {
        body: { GranteePrincipal, Operations: ['Encrypt'], Name: `grant-${at}` },
      }),
    ),
  );
  expect(made.map(({ status }) => status)).toEqual(Array(6).fill(201));
});

test('nor do imports whose token names a sealing key that there is not', async () => {
  const made = await bearing(daemon, token, 'POST /v1/keys', { body: { Origin: 'EXTERNAL' } });
  const { KeyId } = (made.body as { KeyMetadata: { KeyId: string } }).KeyMetadata;
  const replies = await Promise.all(
    Array.from({ length: 6 }, () =>
      bearing(daemon, token, `PUT /v1/keys/${KeyId}/imported-material`, {
        body: {
          ImportToken: Buffer.concat([Buffer.of(1), randomBytes(132)]).toString('base64'),
          EncryptedKeyMaterial: 'AAAA',
          ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE',
        },
      }),
    ),
  );
  const codes = replies.map((reply) => problem(reply).slice(0, 2));
  expect(codes).toEqual(Array(6).fill([422, 'InvalidImportTokenException']));
});

test.each([
  ['GET /v1/keys#', 'UnknownOperationException'],
  ['GET /v1/keys#?limit=1', 'UnknownOperationException'],
  ['GET /v1/keys\\', 'UnknownOperationException'],
  ['GET /v1/keys/{KeyId}#/policy', 'NotFoundException'],
  ['GET /v1/keys/{KeyId}%23', 'NotFoundException'],
  ['GET /v1/keys/{KeyId}\\policy', 'NotFoundException'],
  ['GET /v1/keys/{KeyId}%5Cpolicy', 'NotFoundException'],
  ['GET /v1/keys/{KeyId}%252Fpolicy', 'NotFoundException'],
])('%s, which others read as another path, is no path of that key', async (line, code) => {
  const reply = await bearing(daemon, token, line.replace('{KeyId}', keyId));
  expect(problem(reply).slice(0, 2)).toEqual([404, code]);
  expect(await auditOf(daemon, requestId(reply))).toMatchObject({ errorCode: code });
});

test('what looks like another door’s path in a query is a query', async () => {
  const reply = await bearing(daemon, token, 'GET /v1/keys?cursor=/kms/xks/');
  expect(problem(reply).slice(0, 2)).toEqual([422, 'ValidationException']);
});

test('An API token that was put where none belongs is in no record', async () => {
  const { text } = await makeToken(daemon);
  const [id, secret] = [text.slice(0, -43), text.slice(-43)];
  await bearing(daemon, token, `GET /v1/keys/${text}`);
  await bearing(daemon, token, `PUT /v1/keys/${keyId}/description`, {
    body: { Description: text },
  });
  await bearing(daemon, token, 'GET /v1/keys', { headers: { 'user-agent': text } });
  const authorization = `AWS4-HMAC-SHA256 ${text}`;
  await bearing(daemon, token, 'GET /v1/keys', { headers: { authorization } });
  const records = (await auditTexts(daemon)).filter((record) => record.includes(id));
  expect(records).toHaveLength(4);
  expect(records.filter((record) => record.includes(secret))).toEqual([]);
  expect(JSON.stringify(daemon.log)).not.toContain(secret);
});
