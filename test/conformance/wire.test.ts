import { randomBytes } from 'node:crypto';
import { type KMSClient } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey } from '../support/kms';
import { badRequest, call, refusal, refused, send, signed, targeting } from '../support/wire';

const contentType = 'application/x-amz-json-1.1';
const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

describe('AWS JSON 1.1 on the wire', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let key: NewKey;
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    key = await createKey(kms);
  });
  afterAll(() => daemon.remove());

  test('An answer has the protocol type, its length, and a request id of its own', async () => {
    const replies = [
      await call(daemon, 'ListKeys', {}),
      await call(daemon, 'DescribeKey', { KeyId: 'alias/nobody' }),
      await call(daemon, 'Unknown', {}),
    ];
    for (const { headers, text } of replies) {
      expect(headers['content-type']).toBe(contentType);
      expect(headers['content-length']).toBe(String(Buffer.byteLength(text)));
      expect(headers['x-amzn-requestid']).toMatch(uuid);
      expect(headers['cache-control']).toBe('no-store');
      expect(headers['x-powered-by']).toBeUndefined();
    }
    expect(new Set(replies.map(({ headers }) => headers['x-amzn-requestid'])).size).toBe(3);
  });

  test('Dates are seconds since 1970 with a fraction, and nothing is null', async () => {
    const { text } = await call(daemon, 'DescribeKey', { KeyId: key.id });
    const { KeyMetadata } = JSON.parse(text) as { KeyMetadata: Record<string, unknown> };
    const created = KeyMetadata['CreationDate'] as number;
    expect(Math.abs(created - Date.now() / 1000)).toBeLessThan(60);
    expect(Math.round(created * 1000)).toBeCloseTo(created * 1000, 3);
    expect(text).not.toContain('null');
  });

  test('Operations without an output answer 200 with no byte', async () => {
    const voids = [
      ['DisableKey', { KeyId: key.id }],
      ['EnableKey', { KeyId: key.id }],
      ['UpdateKeyDescription', { KeyId: key.id, Description: 'd' }],
      ['CreateAlias', { AliasName: 'alias/void', TargetKeyId: key.id }],
      ['UpdateAlias', { AliasName: 'alias/void', TargetKeyId: key.id }],
      ['DeleteAlias', { AliasName: 'alias/void' }],
    ] as const;
    for (const [operation, input] of voids) {
      const { status, text, headers } = await call(daemon, operation, input);
      expect([status, text, headers['content-length']]).toEqual([200, '', '0']);
    }
  });

  test('Unknown members are ignored, a null member is an absent one, and no body is an empty object', async () => {
    const unknown = { KeyId: key.id, Surprise: { deep: [1] }, __proto: 1, GrantTokens: null };
    expect((await call(daemon, 'DescribeKey', unknown)).status).toBe(200);
    expect((await call(daemon, 'ListKeys', { Limit: null, Marker: null })).status).toBe(200);
    expect((await call(daemon, 'ListKeys', '')).status).toBe(200);
    expect(await refused(daemon, 'DescribeKey', '')).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value null at 'keyId' failed to satisfy constraint: Member must not be null",
      ),
    );
  });

  test.each([
    ['no JSON', '{', undefined],
    ['JSON with a tail', '{} {}', undefined],
    ['a list', '[]', 'Start of list found where not expected'],
    ['a string', '"a"', 'STRING_VALUE cannot be converted to Structure'],
    ['null', 'null', 'NULL_VALUE cannot be converted to Structure'],
    [
      'a structure where a string belongs',
      '{"KeyId":{}}',
      'Start of structure or map found where not expected',
    ],
    [
      'a number where a string belongs',
      '{"KeyId":1}',
      'NUMBER_VALUE cannot be converted to String',
    ],
    ['bad base64', '{"KeyId":"a","Plaintext":"*"}', 'STRING_VALUE cannot be converted to Blob'],
    [
      'base64 without its padding',
      '{"KeyId":"a","Plaintext":"YQ"}',
      'STRING_VALUE cannot be converted to Blob',
    ],
    ['half a surrogate pair', '{"KeyId":"\\ud800"}', 'STRING_VALUE cannot be converted to String'],
    [
      'very deep JSON',
      `${'['.repeat(20_000)}${']'.repeat(20_000)}`,
      'Start of list found where not expected',
    ],
  ])('A body of %s cannot be read', async (_, body, message) => {
    expect(await refused(daemon, 'Encrypt', body)).toEqual(
      badRequest('SerializationException', message),
    );
  });

  test.each([
    ['another prefix', 'KMS.ListKeys'],
    ['no prefix', 'ListKeys'],
    ['no operation', 'TrentService.'],
    ['an unknown operation', 'TrentService.ListKeyz'],
    ['an operation in another case', 'TrentService.listKeys'],
    ['a name of Object.prototype', 'TrentService.constructor'],
    ['a very long name', `TrentService.${'x'.repeat(4096)}`],
  ])('A target with %s is unknown', async (_, target) => {
    const unsigned = {
      headers: { 'content-type': contentType, 'x-amz-target': target },
      body: '{}',
    };
    const reply = await send(daemon, await signed(daemon, unsigned));
    expect(refusal(reply)).toEqual(badRequest('UnknownOperationException'));
  });

  test('Without a target, or with another content type, an operation is unknown', async () => {
    const typed = (type: string | undefined) => ({
      ...targeting('ListKeys'),
      ...(type === undefined ? {} : { 'content-type': type }),
    });
    const requests = [
      { headers: { 'content-type': contentType } },
      { headers: typed('text/plain') },
      { headers: typed('application/x-amz-json-1.0') },
      { headers: typed('application/x-www-form-urlencoded') },
      { headers: typed(undefined), method: 'PUT' },
      { headers: typed(undefined), method: 'DELETE' },
    ];
    for (const request of requests) {
      const reply = await send(daemon, await signed(daemon, request));
      expect(refusal(reply)).toEqual(badRequest('UnknownOperationException'));
    }
  });

  test.each([
    contentType,
    `${contentType}; charset=utf-8`,
    'Application/X-Amz-Json-1.1',
    'application/json',
  ])('The content type %s is taken', async (type) => {
    const headers = { ...targeting('ListKeys'), 'content-type': type };
    const { status } = await send(daemon, await signed(daemon, { headers, body: '{}' }));
    expect(status).toBe(200);
  });

  test('A body above 1 MiB is refused with 413', async () => {
    const body = JSON.stringify({ KeyId: 'k'.repeat((1 << 20) + 1) });
    expect(await refused(daemon, 'DescribeKey', body)).toEqual({
      status: 413,
      __type: 'RequestEntityTooLargeException',
      message: 'The request body must have length less than or equal to 1048576 bytes.',
    });
  });

  test('AccessDeniedException alone has a capital Message, and the unsupported names itself', async () => {
    const arn = key.arn.replace(daemon.accountId, '999988887777');
    const denied = JSON.parse((await call(daemon, 'DescribeKey', { KeyId: arn })).text) as object;
    expect(Object.keys(denied)).toEqual(['__type', 'Message']);
    const move = { KeyId: key.id, PrimaryRegion: 'eu-west-1' };
    const text = (await call(daemon, 'UpdatePrimaryRegion', move)).text;
    expect(Object.keys(JSON.parse(text) as object)).toEqual(['__type', 'message']);
  });

  test('Random bytes as a body are refused and never a fault', async () => {
    for (let i = 0; i < 100; i++) {
      const request = await signed(daemon, { headers: targeting('Encrypt') });
      const body = randomBytes(1 + (i % 64));
      const kept = withoutLength(request.rawHeaders);
      const reply = await send(daemon, {
        ...request,
        body,
        rawHeaders: [...kept, 'content-length', String(body.length)],
      });
      // The signature was made over another body.
      expect(refusal(reply)).toMatchObject({ status: 400, __type: 'InvalidSignatureException' });
    }
  });
});

function withoutLength(rawHeaders: readonly string[]): string[] {
  return rawHeaders.filter((_, i) => rawHeaders[i - (i % 2)]?.toLowerCase() !== 'content-length');
}
