import { type TestDaemon, startDaemon } from '../support/daemon';
import { rest } from '../support/rest';

let daemon: TestDaemon;
beforeAll(async () => {
  daemon = await startDaemon();
});
afterAll(() => daemon.remove());

test('A key is made, encrypts and decrypts by REST', async () => {
  const made = await rest(daemon, 'POST /v1/keys', { Description: 'by REST' });
  expect(made).toMatchObject({ status: 201, body: { KeyMetadata: { Description: 'by REST' } } });
  const path = String(made.headers.location);
  expect(path).toMatch(/^\/v1\/keys\/[0-9a-f-]{36}$/);
  const Plaintext = Buffer.from('a secret').toString('base64');
  const sealed = await rest(daemon, `POST ${path}/encrypt`, { Plaintext });
  expect(sealed.status).toBe(200);
  const { CiphertextBlob } = sealed.body as { CiphertextBlob: string };
  const opened = await rest(daemon, `POST ${path}/decrypt`, { CiphertextBlob });
  expect(opened).toMatchObject({ status: 200, body: { Plaintext } });
});

test('An alias in a path has its slash escaped', async () => {
  const { headers } = await rest(daemon, 'POST /v1/keys');
  const TargetKeyId = String(headers.location).slice('/v1/keys/'.length);
  const AliasName = 'alias/of-rest';
  const made = await rest(daemon, 'POST /v1/aliases', { AliasName, TargetKeyId });
  expect([made.status, made.text, made.headers.location]).toEqual([
    201,
    '',
    '/v1/aliases/alias%2Fof-rest',
  ]);
  const told = await rest(daemon, 'GET /v1/keys/alias%2Fof-rest');
  expect(told).toMatchObject({ status: 200, body: { KeyMetadata: { KeyId: TargetKeyId } } });
  expect((await rest(daemon, 'HEAD /v1/keys/alias%2Fof-rest')).status).toBe(200);
  const gone = await rest(daemon, 'DELETE /v1/aliases/alias%2Fof-rest');
  expect([gone.status, gone.text]).toEqual([204, '']);
});

test('A list goes on by its cursor and by its link', async () => {
  const first = await rest(daemon, 'GET /v1/keys?limit=1');
  const { next } = first.body as { next: string };
  expect(first.headers['link']).toBe(`</v1/keys?limit=1&cursor=${next}>; rel="next"`);
  const second = await rest(daemon, `GET /v1/keys?limit=1&cursor=${next}`);
  expect(second).toMatchObject({ status: 200 });
  expect(second.body?.['Keys']).not.toEqual(first.body?.['Keys']);
});

test('What is refused is a problem document', async () => {
  const nowhere = await rest(daemon, 'GET /v1/keys/alias%2Fnobody');
  expect(nowhere).toMatchObject({
    status: 404,
    body: { type: 'urn:claviger:problem:NotFoundException', code: 'NotFoundException' },
  });
  expect(nowhere.headers['content-type']).toBe('application/problem+json');
  expect(await rest(daemon, 'GET /v1/nothing')).toMatchObject({ status: 404 });
  const wrong = await rest(daemon, 'DELETE /v1/keys');
  expect([wrong.status, wrong.headers.allow]).toEqual([405, 'GET, HEAD, POST']);
});
