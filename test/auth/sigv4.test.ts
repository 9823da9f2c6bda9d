import fc from 'fast-check';
import { Secret } from '../../src/auth/secret';
import { authenticate } from '../../src/auth/sigv4';
import type { SignedRequest, SigV4Options } from '../../src/auth/sigv4';
import { KmsError } from '../../src/errors';
import { SigningKey } from '../../src/auth/sigv4-keys';
import { suiteCases } from './sigv4-suite';
import * as signing from './sigv4-signing';
import { headerOf, longTerm, NOW, options, sign, temporary, withHeader } from './sigv4-signing';
import { thrownBy } from './thrown';

const MISMATCH =
  'The request signature we calculated does not match the signature you provided. Check your AWS Secret ' +
  'Access Key and signing method. Consult the service documentation for details.';
const UNKNOWN = 'The security token included in the request is invalid.';

async function refused(
  request: SignedRequest,
  change: Partial<SigV4Options<string>> = {},
): Promise<{ code: string; message: string }> {
  try {
    await authenticate(request, options(change));
  } catch (error) {
    if (error instanceof KmsError) return { code: error.code, message: error.message };
    throw error;
  }
  return { code: 'accepted', message: '' };
}

function invalid(message: string): { code: string; message: string } {
  return { code: 'InvalidSignatureException', message };
}

describe("AWS's test suite", () => {
  const suite = options({ regions: ['us-east-1'], services: ['service'] });

  test.each(suiteCases)('$name verifies', (one) => {
    const signedHeaders = one.signedHeaders ?? 'host;x-amz-date';
    const authorization =
      'AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, ' +
      `SignedHeaders=${signedHeaders}, Signature=${one.signature}`;
    const rawHeaders = ['Host', 'example.amazonaws.com', 'X-Amz-Date', '20150830T123600Z'];
    const request = {
      method: one.method,
      url: one.url,
      rawHeaders: [...rawHeaders, ...(one.headers ?? []), 'Authorization', authorization],
      body: Buffer.from(one.body ?? ''),
    };
    expect(authenticate(request, suite)).toBe(longTerm);
  });
});

const target = { 'x-amz-target': 'TrentService.Encrypt' };
const json = { 'content-type': 'application/x-amz-json-1.1' };

describe('a request signed by the AWS SDK', () => {
  test('is that of the holder of the access key, at once when the look-up is', async () => {
    const request = await sign({ headers: { ...target, ...json }, body: '{"KeyId":"a"}' });
    expect(authenticate(request, options())).toBe(longTerm);
    const slow = options({ find: () => Promise.resolve(longTerm) });
    await expect(authenticate(request, slow)).resolves.toBe(longTerm);
  });

  test('verifies from the memory of the one before, and again after the secret changed', async () => {
    const secrets = ['first', 'second'].map((text) => new Secret(text));
    let current = 0;
    const changing = options({
      find: () => ({ ...longTerm, secret: secrets[current] ?? new Secret('none') }),
    });
    const first = await sign({}, { secret: 'first' });
    await authenticate(first, changing);
    await authenticate(first, changing);
    current = 1;
    await authenticate(await sign({}, { secret: 'second' }), changing);
    expect(thrownBy(() => authenticate(first, changing))).toEqual(invalid(MISMATCH));
  });

  test('verifies with temporary credentials and their token, in a header or presigned', async () => {
    const by = { accessKeyId: signing.TEMPORARY_ID, sessionToken: signing.TOKEN };
    expect(authenticate(await sign({ headers: target }, by), options())).toBe(temporary);
    const presigned = await sign({}, { ...by, expiresIn: 60 });
    expect(authenticate(presigned, options())).toBe(temporary);
  });

  test('is handed to the look-up with the token that it carries', async () => {
    const seen: unknown[] = [];
    const by = { accessKeyId: signing.TEMPORARY_ID, sessionToken: signing.TOKEN };
    const find = (...asked: unknown[]): undefined => void seen.push(asked);
    expect(await refused(await sign({}, by), { find })).toEqual({
      code: 'UnrecognizedClientException',
      message: UNKNOWN,
    });
    expect(seen).toEqual([[signing.TEMPORARY_ID, signing.TOKEN]]);
  });

  test('verifies presigned for as long as it asked, and no longer', async () => {
    const request = await sign({ method: 'GET', body: '' }, { expiresIn: 3600 });
    expect(authenticate(request, options({ now: () => NOW + 3_600_000 }))).toBe(longTerm);
    expect(await refused(request, { now: () => NOW + 3_601_000 })).toEqual(
      invalid(
        'Signature expired: 20150830T123600Z is now earlier than 20150830T123601Z (20150830T133601Z - 60 min.)',
      ),
    );
  });

  test('verifies with a signed Date header in the place of X-Amz-Date', () => {
    const rawHeaders = ['Host', 'kms.example', 'Date', 'Sun, 30 Aug 2015 12:36:00 GMT'];
    const body = Buffer.from('{}');
    const canonical =
      'POST\n/\n\ndate:Sun, 30 Aug 2015 12:36:00 GMT\nhost:kms.example\n\ndate;host\n' +
      '44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a';
    const scope = { date: '20150830', region: signing.REGION, service: 'kms' };
    const signature = new SigningKey(longTerm.secret, scope).sign('20150830T123600Z', canonical);
    const authorization =
      `AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/${signing.REGION}/kms/aws4_request, ` +
      `SignedHeaders=date;host, Signature=${signature}`;
    const request = { method: 'POST', url: '/', rawHeaders, body };
    const signed = withHeader(request, 'Authorization', authorization);
    expect(authenticate(signed, options())).toBe(longTerm);
    const unsigned = withHeader(signed, 'Authorization', authorization.replace('date;', ''));
    expect(thrownBy(() => authenticate(unsigned, options()))).toEqual(
      invalid("'Date' must be a 'SignedHeader' in the AWS Authorization."),
    );
  });

  test('verifies whatever its path, query, headers and body are', async () => {
    const word = fc.string({ unit: 'grapheme', minLength: 1, maxLength: 12 });
    const name = fc.stringMatching(/^x-h[a-z0-9-]{1,8}$/);
    const value = fc.stringMatching(/^[\x21-\x7e]([ \t\x21-\x7e]{0,20}[\x21-\x7e])?$/);
    const unsigned = fc.record({
      method: fc.constantFrom('POST', 'GET', 'PUT'),
      path: fc.array(word, { maxLength: 4 }).map((w) => `/${w.map(encodeURIComponent).join('/')}`),
      query: fc.dictionary(
        word.filter((w) => !/^x-amz-/i.test(w) && w !== '__proto__'),
        fc.oneof(word, fc.array(word, { minLength: 1, maxLength: 3 })),
        { maxKeys: 4 },
      ),
      headers: fc.dictionary(name, value, { maxKeys: 5 }),
      body: fc.string({ unit: 'grapheme' }),
    });
    await fc.assert(
      fc.asyncProperty(unsigned, fc.boolean(), async (one, presign) => {
        const request = await sign(one, presign ? { expiresIn: 60 } : {});
        expect(await authenticate(request, options())).toBe(longTerm);
      }),
      { numRuns: 300 },
    );
  });

  test('fails when any one character of what is signed changes', async () => {
    const good = await sign({
      path: '/a/b',
      query: { q: 'v' },
      headers: { ...target, ...json },
      body: '{"KeyId":"alias/a"}',
    });
    const request = fc.constantFrom<(i: number) => SignedRequest>(
      (i) => ({ ...good, method: flip(good.method, i) }),
      (i) => ({ ...good, url: `/${flip(good.url.slice(1), i)}` }),
      (i) => ({ ...good, body: Buffer.from(flip(good.body.toString(), i)) }),
      ...['host', 'content-type', 'x-amz-target', 'x-amz-date', 'authorization'].map(
        (name) => (i: number) => withHeader(good, name, flip(headerOf(good, name), i)),
      ),
      (i) => withHeader(good, headerNames(good, i), undefined),
    );
    await fc.assert(
      fc.asyncProperty(request, fc.nat(), async (change, at) => {
        expect((await refused(change(at))).code).not.toBe('accepted');
      }),
      { numRuns: 1000 },
    );
  });
});

/** One character made another, of the same kind so that parsers go on as far as they can. */
function flip(text: string, at: number): string {
  const i = at % text.length;
  const other = text[i] === '1' ? '2' : '1';
  return text.slice(0, i) + other + text.slice(i + 1);
}

function headerNames({ rawHeaders }: SignedRequest, at: number): string {
  return rawHeaders[2 * (at % (rawHeaders.length / 2))] ?? '';
}

describe('a signature is refused', () => {
  test('when it was made with another secret', async () => {
    expect(await refused(await sign({}, { secret: 'wrong' }))).toEqual(invalid(MISMATCH));
  });

  test('when the body is another, whatever the header says of its hash', async () => {
    const request = await sign({ body: '{"a":1}' });
    const body = Buffer.from('{"a":2}');
    expect(await refused({ ...request, body })).toEqual(invalid(MISMATCH));
    expect(await refused(withHeader(request, 'x-amz-content-sha256', undefined))).toEqual(
      invalid(MISMATCH),
    );
  });

  test.each(['UNSIGNED-PAYLOAD', 'STREAMING-AWS4-HMAC-SHA256-PAYLOAD', 'a'.repeat(64)])(
    'when the payload is declared as %s, though signed so',
    async (declared) => {
      const request = await sign({ headers: { 'x-amz-content-sha256': declared } });
      expect(await refused(request)).toEqual(invalid(MISMATCH));
    },
  );

  test('when the query has a broken escape', async () => {
    const request = await sign();
    expect(await refused({ ...request, url: '/?a=%zz' })).toEqual(invalid(MISMATCH));
  });

  test('when the host is not signed', async () => {
    const request = await sign();
    const header = headerOf(request, 'authorization').replace('host;', '');
    expect(await refused(withHeader(request, 'authorization', header))).toEqual(
      invalid("'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization."),
    );
  });

  test.each([
    ['X-Amz-Target', 'TrentService.Decrypt'],
    ['X-Amz-Security-Token', 'token'],
  ])('when %s was added without being signed', async (name, value) => {
    expect(await refused(withHeader(await sign(), name, value))).toEqual(
      invalid(`'${name}' must be a 'SignedHeader' in the AWS Authorization.`),
    );
  });

  test('when the target of a presigned request is not signed', async () => {
    const request = await sign({}, { expiresIn: 60 });
    expect(await refused(withHeader(request, 'X-Amz-Target', 'TrentService.Decrypt'))).toEqual(
      invalid("'X-Amz-Target' must be a 'SignedHeader' in the AWS Authorization."),
    );
  });

  test('when it is scoped to another region', async () => {
    expect(await refused(await sign({}, { region: 'us-east-1' }))).toEqual(
      invalid("Credential should be scoped to a valid region, not 'us-east-1'. "),
    );
  });

  test('when it is scoped to none of the regions that there are', async () => {
    const regions = ['eu-central-1', 'us-east-1'];
    const at = async (region: string): Promise<string> =>
      (await authenticate(await sign({}, { region }), options({ regions }))).principal;
    expect([await at('eu-central-1'), await at('us-east-1')]).toEqual(['alice', 'alice']);
    await expect(at('eu-west-1')).rejects.toMatchObject(
      invalid("Credential should be scoped to a valid region, not 'eu-west-1'. "),
    );
  });

  test('when it is scoped to another service and terminator and day, all told at once', async () => {
    const request = await sign({}, { service: 's3' });
    const header = headerOf(request, 'authorization')
      .replace('aws4_request', 'aws5')
      .replace('/20150830/', '/20150831/');
    expect(await refused(withHeader(request, 'authorization', header))).toEqual(
      invalid(
        "Credential should be scoped to correct service: 'kms'. " +
          "Credential should be scoped with a valid terminator: 'aws4_request', not 'aws5'. " +
          'Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: ' +
          "'20150831' != '20150830', from '20150830T123600Z'.",
      ),
    );
  });

  test('when the clocks are more than five minutes apart', async () => {
    expect(await refused(await sign({}, { at: NOW - 301_000 }))).toEqual(
      invalid(
        'Signature expired: 20150830T123059Z is now earlier than 20150830T123100Z (20150830T123600Z - 5 min.)',
      ),
    );
    expect(await refused(await sign({}, { at: NOW + 301_000 }))).toEqual(
      invalid(
        'Signature not yet current: 20150830T124101Z is still later than 20150830T124100Z (20150830T123600Z + 5 min.)',
      ),
    );
  });
});

describe('a caller is refused', () => {
  const unknown = { code: 'UnrecognizedClientException', message: UNKNOWN };

  test('when the access key is unknown, however it signed', async () => {
    expect(await refused(await sign({}, { accessKeyId: 'AKIDNOBODY' }))).toEqual(unknown);
  });

  test('without a look-up when no access key can have that name', async () => {
    const find = jest.fn(() => undefined);
    for (const accessKeyId of ['AK ID', "a'b", 'a'.repeat(129), '..', 'a-b']) {
      expect(await refused(await sign({}, { accessKeyId }), { find })).toEqual(unknown);
    }
    expect(find).not.toHaveBeenCalled();
  });

  test('when an unknown access key costs no more memory than one decoy', async () => {
    const server = options();
    for (let i = 0; i < 50; i++) {
      const request = await sign({}, { accessKeyId: `AKIDNOBODY${i}` });
      expect(thrownBy(() => authenticate(request, server))).toEqual(unknown);
    }
    expect(server.signingKeys.size).toBe(1);
  });

  test.each([
    ['no session token', undefined],
    ['another session token', 'another'],
  ])('when temporary credentials come with %s', async (_case, sessionToken) => {
    const by = { accessKeyId: signing.TEMPORARY_ID };
    const request = await sign({}, sessionToken === undefined ? by : { ...by, sessionToken });
    expect(await refused(request)).toEqual(unknown);
  });

  test('when a long-term access key comes with a session token', async () => {
    expect(await refused(await sign({}, { sessionToken: signing.TOKEN }))).toEqual(unknown);
  });

  test('when the temporary credentials have expired', async () => {
    const by = { accessKeyId: signing.TEMPORARY_ID, sessionToken: signing.TOKEN };
    const find = (): typeof temporary => ({ ...temporary, expiresAt: NOW });
    expect(await refused(await sign({}, by), { find })).toEqual({
      code: 'ExpiredToken',
      message: 'The security token included in the request is expired',
    });
  });

  test('with the look-up’s own error when that fails', async () => {
    const request = await sign();
    const find = (): Promise<never> => Promise.reject(new Error('the database is away'));
    await expect(authenticate(request, options({ find }))).rejects.toThrow('the database is away');
  });
});
