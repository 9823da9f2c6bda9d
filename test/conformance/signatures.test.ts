import { DeleteAccessKeyCommand, UpdateAccessKeyCommand } from '@aws-sdk/client-iam';
import { KMSClient, ListKeysCommand } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient } from '../support/iam-client';
import { auditOf, clientOf, sdkRefusal } from '../support/kms';
import { letIdentity, newUser } from '../support/principals';
import {
  type CallOptions,
  badRequest,
  call,
  refusal,
  refused,
  send,
  signed,
  targeting,
} from '../support/wire';

const mismatch =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method. Consult the service documentation for details.';
const unknownKey = badRequest(
  'UnrecognizedClientException',
  'The security token included in the request is invalid.',
);
const missingToken = badRequest(
  'MissingAuthenticationTokenException',
  'Missing Authentication Token',
);

describe('Signatures of whole requests', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon();
  });
  afterAll(() => daemon.remove());

  const listRefused = (options: CallOptions) => refused(daemon, 'ListKeys', {}, options);
  const iso = (ms: number) => new Date(ms).toISOString().replace(/[-:]|\.\d{3}/g, '');

  test('The SDK is told of a wrong secret, of an unknown access key and of another Region', async () => {
    const { accessKeyId, secretAccessKey } = daemon.credentials;
    const wrong = clientOf(daemon, { accessKeyId, secretAccessKey: `${secretAccessKey}x` });
    expect(await sdkRefusal(wrong.send(new ListKeysCommand({})))).toEqual({
      code: 'InvalidSignatureException',
      message: mismatch,
      status: 400,
    });
    const unknown = clientOf(daemon, { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey });
    expect(await sdkRefusal(unknown.send(new ListKeysCommand({})))).toEqual({
      code: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
      status: 400,
    });
    const { endpoint, credentials } = daemon;
    const elsewhere = new KMSClient({ endpoint, credentials, region: 'eu-west-1', maxAttempts: 1 });
    expect(await sdkRefusal(elsewhere.send(new ListKeysCommand({})))).toEqual({
      code: 'InvalidSignatureException',
      message: "Credential should be scoped to a valid region, not 'eu-west-1'. ",
      status: 400,
    });
  });

  test('A wrong service, alone and with a wrong Region, is named', async () => {
    expect(await listRefused({ service: 's3' })).toEqual(
      badRequest(
        'InvalidSignatureException',
        "Credential should be scoped to correct service: 'kms'. ",
      ),
    );
    expect(await listRefused({ service: 's3', region: 'mars' })).toEqual(
      badRequest(
        'InvalidSignatureException',
        "Credential should be scoped to a valid region, not 'mars'. Credential should be scoped to correct service: 'kms'. ",
      ),
    );
  });

  test('A signature older or newer than five minutes names the three times', async () => {
    const minutes = 60_000;
    for (const [at, form] of [
      [
        Date.now() - 6 * minutes,
        /^Signature expired: (\S+) is now earlier than \d{8}T\d{6}Z \(\d{8}T\d{6}Z - 5 min\.\)$/,
      ],
      [
        Date.now() + 6 * minutes,
        /^Signature not yet current: (\S+) is still later than \d{8}T\d{6}Z \(\d{8}T\d{6}Z \+ 5 min\.\)$/,
      ],
    ] as const) {
      const { message, ...rest } = await listRefused({ at });
      expect(rest).toEqual({ status: 400, __type: 'InvalidSignatureException' });
      expect(form.exec(message as string)?.[1]).toBe(iso(at));
    }
    for (const at of [Date.now() - 4 * minutes, Date.now() + 4 * minutes]) {
      expect((await call(daemon, 'ListKeys', {}, { at })).status).toBe(200);
    }
  });

  test('A session token with a long-term access key is invalid', async () => {
    expect(await listRefused({ sessionToken: 'token' })).toEqual(unknownKey);
  });

  test('A request that is not signed, or in another way, misses its token', async () => {
    const { host } = new URL(daemon.endpoint);
    const body = Buffer.from('{}');
    const bare = Object.entries({ host, ...targeting('ListKeys'), 'content-length': '2' }).flat();
    for (const authorization of [[], ['authorization', 'Basic YTpi']]) {
      const rawHeaders = [...bare, ...authorization];
      const reply = await send(daemon, { method: 'POST', url: '/', rawHeaders, body });
      expect(refusal(reply)).toEqual(missingToken);
    }
  });

  test('An Authorization header that lacks parameters says which', async () => {
    const request = await signed(daemon, { headers: targeting('ListKeys'), body: '{}' });
    const at = request.rawHeaders.findIndex((name) => name.toLowerCase() === 'authorization');
    const rawHeaders = request.rawHeaders.map((text, i) =>
      i === at + 1 ? 'AWS4-HMAC-SHA256 Credential=a/b' : text,
    );
    expect(refusal(await send(daemon, { ...request, rawHeaders }))).toEqual(
      badRequest(
        'IncompleteSignatureException',
        "Authorization header requires 'Signature' parameter. Authorization header requires 'SignedHeaders' parameter. Authorization=AWS4-HMAC-SHA256 Credential=a/b",
      ),
    );
  });

  test('A presigned request is taken, and refused when a byte of it was changed', async () => {
    const unsigned = { headers: targeting('ListKeys'), body: '{}' };
    const request = await signed(daemon, unsigned, {
      expiresIn: 60,
      kept: new Set(['x-amz-target']),
    });
    expect(request.url).toContain('X-Amz-Signature=');
    expect((await send(daemon, request)).status).toBe(200);
    const changed = { ...request, url: request.url.replace('Expires=60', 'Expires=61') };
    expect(refusal(await send(daemon, changed))).toEqual(
      badRequest('InvalidSignatureException', mismatch),
    );
  });

  test('Another body, target or host than was signed does not match', async () => {
    const request = await signed(daemon, { headers: targeting('ListKeys'), body: '{}' });
    const change = (from: string, to: string) =>
      request.rawHeaders.map((text) => (text === from ? to : text));
    const { host } = new URL(daemon.endpoint);
    for (const changed of [
      { ...request, body: Buffer.from('[]') },
      { ...request, rawHeaders: change('TrentService.ListKeys', 'TrentService.ListAliases') },
      { ...request, rawHeaders: change(host, 'elsewhere.example') },
    ]) {
      expect(refusal(await send(daemon, changed))).toEqual(
        badRequest('InvalidSignatureException', mismatch),
      );
    }
    expect((await send(daemon, request)).status).toBe(200);
  });

  test('A refusal to authenticate is recorded without a caller', async () => {
    const reply = await call(daemon, 'ListKeys', {}, { service: 's3' });
    const requestId = String(reply.headers['x-amzn-requestid']);
    expect(await auditOf(daemon, requestId)).toMatchObject({
      eventName: 'ListKeys',
      userIdentity: { type: 'Unknown' },
      errorCode: 'InvalidSignatureException',
      errorMessage: "Credential should be scoped to correct service: 'kms'. ",
      requestParameters: null,
    });
  });

  test.each([
    [
      'deactivated',
      (AccessKeyId: string, UserName: string) =>
        iamClient(daemon).send(
          new UpdateAccessKeyCommand({ AccessKeyId, UserName, Status: 'Inactive' }),
        ),
    ],
    [
      'deleted',
      (AccessKeyId: string, UserName: string) =>
        iamClient(daemon).send(new DeleteAccessKeyCommand({ AccessKeyId, UserName })),
    ],
  ])('An access key that was %s is refused at once, and others are not', async (name, end) => {
    const user = await newUser(daemon, name);
    await letIdentity(daemon, user, { Effect: 'Allow', Action: 'kms:ListKeys' });
    const { credentials, kms } = user;
    await kms.send(new ListKeysCommand({}));
    await end(credentials.accessKeyId, name);
    expect(await listRefused({ credentials })).toEqual(unknownKey);
    await daemon.client().send(new ListKeysCommand({}));
  });
});
