import type { SignedRequest } from '../../src/auth/sigv4';
import { headerOf, withHeader } from '../auth/sigv4-signing';
import type { TestDaemon } from '../support/daemon';
import { type CallOptions, type Reply, send, signed } from '../support/wire';
import {
  type QueryTarget,
  createUser,
  form,
  identity,
  inside,
  region,
  sender,
  startQueryTarget,
} from './query-target';

let target: QueryTarget;
let daemon: TestDaemon;
let before: unknown;

beforeAll(async () => {
  target = await startQueryTarget();
  ({ daemon } = target);
  before = await target.state();
});
afterAll(() => daemon.remove());

const post: QueryTarget['post'] = (body, options) => target.post(body, options);
const refusal: QueryTarget['refusal'] = (reply) => target.refusal(reply);

async function presigned(
  query: Record<string, string>,
  options: CallOptions = {},
): Promise<SignedRequest> {
  return signed(
    daemon,
    { method: 'GET', query, body: '' },
    { region, service: 'sts', expiresIn: 60, ...options },
  );
}

const asked = { Action: 'GetCallerIdentity', Version: '2011-06-15' };
const mismatch =
  'The request signature we calculated does not match the signature you provided. Check your AWS ' +
  'Secret Access Key and signing method. Consult the service documentation for details.';

describe('signatures', () => {
  const unsigned = (body: string): SignedRequest => ({
    ...{ method: 'POST', url: '/', body: Buffer.from(body) },
    rawHeaders: ['host', '127.0.0.1', 'content-type', form, 'content-length', String(body.length)],
  });

  test.each([identity, createUser])('an unsigned request is refused: %s', async (body) => {
    expect(await refusal(await send(daemon, unsigned(body)))).toMatchObject(
      sender(403, 'MissingAuthenticationToken', 'Request is missing Authentication Token'),
    );
  });

  test.each([
    ['sts', createUser, 'iam'],
    ['kms', createUser, 'iam'],
    ['iam', identity, 'sts'],
    ['kms', identity, 'sts'],
  ])('a signature for %s is none for %s', async (service, body, expected) => {
    expect(await refusal(await post(body, { service }))).toMatchObject({
      ...sender(
        403,
        'SignatureDoesNotMatch',
        `Credential should be scoped to correct service: '${expected}'. `,
      ),
      recorded: { error: 'InvalidSignatureException', source: `${expected}.amazonaws.com` },
    });
  });

  test('a signature for STS is none for KMS, where errors stay those of AWS JSON', async () => {
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'TrentService.ListKeys',
    };
    const { status, text } = await send(
      daemon,
      await signed(daemon, { headers, body: '{}' }, { region, service: 'sts' }),
    );
    expect([status, JSON.parse(text)]).toEqual([
      400,
      {
        __type: 'InvalidSignatureException',
        message: "Credential should be scoped to correct service: 'kms'. ",
      },
    ]);
  });

  test.each(['sts', 'iam'])(
    '%s takes the global region beside its own, and no other',
    async (service) => {
      const body = service === 'sts' ? identity : 'Action=GetUser&Version=2010-05-08';
      expect((await post(body, { service })).status).toBe(200);
      expect((await post(body, { service, region: 'us-east-1' })).status).toBe(200);
      expect(await refusal(await post(body, { service, region: 'eu-west-1' }))).toMatchObject(
        sender(
          403,
          'SignatureDoesNotMatch',
          "Credential should be scoped to a valid region, not 'eu-west-1'. ",
        ),
      );
    },
  );

  test('KMS does not take the global region', async () => {
    const headers = {
      'content-type': 'application/x-amz-json-1.1',
      'x-amz-target': 'TrentService.ListKeys',
    };
    const { text } = await send(daemon, await signed(daemon, { headers }, { region: 'us-east-1' }));
    expect(JSON.parse(text)).toMatchObject({
      message: "Credential should be scoped to a valid region, not 'us-east-1'. ",
    });
  });

  test('an access key that nobody has is an invalid token, and a wrong secret a wrong signature', async () => {
    const { credentials } = daemon;
    expect(
      await refusal(await post(identity, { accessKeyId: 'AKIAIOSFODNN7EXAMPLE' })),
    ).toMatchObject(
      sender(403, 'InvalidClientTokenId', 'The security token included in the request is invalid.'),
    );
    expect(
      await refusal(
        await post(identity, { credentials: { ...credentials, secretAccessKey: 'x' } }),
      ),
    ).toMatchObject(sender(403, 'SignatureDoesNotMatch', mismatch));
  });

  test('a body that was changed after it was signed is refused', async () => {
    const sent = await target.sign(createUser, { service: 'iam' });
    const body = Buffer.from(createUser.replace('eve', 'bob'));
    expect(await refusal(await send(daemon, { ...sent, body }))).toMatchObject(
      sender(403, 'SignatureDoesNotMatch', mismatch),
    );
  });

  test('a signature of long ago is refused', async () => {
    expect(await refusal(await post(identity, { at: Date.now() - 3_600_000 }))).toMatchObject({
      status: 403,
      code: 'SignatureDoesNotMatch',
      message: expect.stringMatching(
        /^Signature expired: \d{8}T\d{6}Z is now earlier than /,
      ) as string,
    });
  });

  test('half an Authorization header is incomplete', async () => {
    const sent = withHeader(
      await target.sign(identity),
      'authorization',
      'AWS4-HMAC-SHA256 Credential=x',
    );
    expect(await refusal(await send(daemon, sent))).toMatchObject({
      status: 400,
      code: 'IncompleteSignature',
    });
  });
});

describe('presigned URLs', () => {
  test('a GET of one is answered, from anywhere that has no credentials', async () => {
    const { url } = await presigned(asked);
    const response = await fetch(`${daemon.endpoint}${url}`);
    expect(response.status).toBe(200);
    expect(inside(await response.text(), 'Arn')).toBe(`arn:aws:iam::${daemon.accountId}:root`);
  });

  const get = (url: string): Promise<Reply> =>
    send(daemon, {
      ...{ method: 'GET', url, body: Buffer.alloc(0) },
      rawHeaders: ['host', new URL(daemon.endpoint).host],
    });

  test('what it asks for is signed', async () => {
    const { url } = await presigned(asked);
    const other = url.replace('Action=GetCallerIdentity', 'Action=GetSessionToken');
    expect(await refusal(await get(other))).toMatchObject(
      sender(403, 'SignatureDoesNotMatch', mismatch),
    );
    expect(await refusal(await get(`${url}&DurationSeconds=900`))).toMatchObject(
      sender(403, 'SignatureDoesNotMatch', mismatch),
    );
    const unsigned = url.replace(/&X-Amz-Signature=\w+/, '');
    expect(await refusal(await get(unsigned))).toMatchObject({ code: 'IncompleteSignature' });
  });

  test('it is good for as long as it says', async () => {
    const { url } = await presigned(asked, { at: Date.now() - 62_000, expiresIn: 60 });
    expect(await refusal(await get(url))).toMatchObject({
      status: 403,
      code: 'SignatureDoesNotMatch',
      message: expect.stringMatching(
        /^Signature expired: .* \(\d{8}T\d{6}Z - 1 min\.\)$/,
      ) as string,
    });
    const { url: still } = await presigned(asked, { at: Date.now() - 55_000, expiresIn: 60 });
    expect((await get(still)).status).toBe(200);
  });

  test('headers that it signed must come with it', async () => {
    const sent = await presigned(asked, {
      headers: { 'x-k8s-aws-id': 'cluster' },
      kept: new Set(['x-k8s-aws-id']),
    });
    expect(headerOf(sent, 'x-k8s-aws-id')).toBe('cluster');
    expect((await send(daemon, sent)).status).toBe(200);
    expect(
      await refusal(await send(daemon, withHeader(sent, 'x-k8s-aws-id', 'other'))),
    ).toMatchObject({
      code: 'SignatureDoesNotMatch',
    });
  });

  test('one of IAM changes nothing that it may not', async () => {
    const query = { Action: 'CreateUser', Version: '2010-05-08', UserName: 'eve' };
    expect(await refusal(await send(daemon, await presigned(query)))).toMatchObject(
      sender(
        403,
        'SignatureDoesNotMatch',
        "Credential should be scoped to correct service: 'iam'. ",
      ),
    );
  });

  test('a parameter twice is refused, signed or not', async () => {
    const { url } = await presigned(asked);
    const twice = 'The form of the request cannot be read: a parameter comes twice.';
    expect(await refusal(await get(`${url}&Action=GetSessionToken`))).toMatchObject(
      sender(400, 'MalformedInput', twice),
    );
  });

  test('a URL without an action is no request of this protocol', async () => {
    expect((await get('/')).status).toBe(404);
    expect((await get('/?Version=2011-06-15')).status).toBe(404);
  });
});

test('After all of it nothing has changed, and the daemon serves', async () => {
  expect(await target.state()).toEqual(before);
  expect(inside((await post(identity)).text, 'Account')).toBe(daemon.accountId);
});
