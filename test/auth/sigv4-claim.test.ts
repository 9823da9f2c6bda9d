import fc from 'fast-check';
import { Generations } from '../../src/auth/generations';
import { readClaim } from '../../src/auth/sigv4-claim';
import type { Claim } from '../../src/auth/sigv4-claim';
import { readHeaders, readQuery } from '../../src/auth/sigv4-canonical';
import { thrownBy } from './thrown';

const CREDENTIAL = 'AKIDEXAMPLE/20150830/us-east-1/kms/aws4_request';
const SIGNATURE = 'f'.repeat(64);
const DATE = ['X-Amz-Date', '20150830T123600Z'];
const GOOD = `AWS4-HMAC-SHA256 Credential=${CREDENTIAL}, SignedHeaders=host;x-amz-date, Signature=${SIGNATURE}`;

function read(rawHeaders: readonly string[], query = ''): Claim {
  const source = { rawHeaders, headers: readHeaders(rawHeaders), query: readQuery(query) ?? [] };
  return readClaim(source, new Generations(8));
}

function readAuthorization(header: string, ...others: string[]): Claim {
  return read(['Authorization', header, ...others]);
}

interface Refusal {
  readonly code: string;
  readonly message: string;
}

function incomplete(message: string): Refusal {
  return { code: 'IncompleteSignatureException', message };
}

const missing: Refusal = {
  code: 'MissingAuthenticationTokenException',
  message: 'Missing Authentication Token',
};

describe('the Authorization header', () => {
  test.each([
    GOOD,
    GOOD.replaceAll(', ', ','),
    GOOD.replaceAll(', ', ' ,   '),
    `${GOOD},`,
    `AWS4-HMAC-SHA256 Signature=${SIGNATURE}, Credential=${CREDENTIAL}, SignedHeaders=host;x-amz-date`,
    `${GOOD}, Extra=ignored`,
  ])('is read as %s', (header) => {
    expect(readAuthorization(header, ...DATE)).toEqual({
      signer: {
        credential: CREDENTIAL,
        accessKeyId: 'AKIDEXAMPLE',
        scope: {
          date: '20150830',
          region: 'us-east-1',
          service: 'kms',
          terminator: 'aws4_request',
        },
        signedHeaders: ['host', 'x-amz-date'],
        signedHeaderList: 'host;x-amz-date',
      },
      signature: SIGNATURE,
      time: { iso: '20150830T123600Z', seconds: 1440938160 },
      expires: undefined,
      sessionToken: undefined,
      presigned: false,
    });
  });

  test('means the same whether or not it was seen before', () => {
    const signers = new Generations<Claim['signer']>(8);
    const claimOf = (header: string): Claim => {
      const rawHeaders = ['Authorization', header, ...DATE];
      return readClaim({ rawHeaders, headers: readHeaders(rawHeaders), query: [] }, signers);
    };
    const other = GOOD.replace(SIGNATURE, '0'.repeat(64));
    expect(claimOf(GOOD)).toEqual(readAuthorization(GOOD, ...DATE));
    expect(signers.size).toBe(1);
    expect(claimOf(other)).toEqual(readAuthorization(other, ...DATE));
    expect(claimOf(other).signer).toBe(claimOf(GOOD).signer);
  });

  test('that is very long is read but not remembered', () => {
    const signers = new Generations<Claim['signer']>(8);
    const header = GOOD.replace('host;', `host;${'x'.repeat(2000)};`);
    const rawHeaders = ['Authorization', header, ...DATE];
    readClaim({ rawHeaders, headers: readHeaders(rawHeaders), query: [] }, signers);
    expect(signers.size).toBe(0);
  });

  test.each(['', 'Basic YTpi', 'Bearer abc', 'AWS4-ECDSA-P256-SHA256 Credential=a', 'AWS3 x=y'])(
    'of another scheme is no authentication: %j',
    (header) => {
      expect(thrownBy(() => readAuthorization(header, ...DATE))).toEqual(missing);
    },
  );

  test('that is absent is no authentication', () => {
    expect(thrownBy(() => read(DATE))).toEqual(missing);
  });

  test('names every parameter that it lacks, and repeats itself', () => {
    expect(thrownBy(() => readAuthorization('AWS4-HMAC-SHA256'))).toEqual(
      incomplete(
        "Authorization header requires 'Credential' parameter. Authorization header requires 'Signature' parameter. " +
          "Authorization header requires 'SignedHeaders' parameter. Authorization header requires existence of " +
          "either a 'X-Amz-Date' or a 'Date' header. Authorization=AWS4-HMAC-SHA256",
      ),
    );
  });

  test('without a date says so, and does not repeat the signature', () => {
    expect(thrownBy(() => readAuthorization(GOOD))).toEqual(
      incomplete(
        "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header. " +
          `Authorization=${GOOD.replace(SIGNATURE, '(redacted)')}`,
      ),
    );
  });

  test('with a part that is no pair names the part', () => {
    expect(
      thrownBy(() => readAuthorization('AWS4-HMAC-SHA256 Credential=a, nonsense', ...DATE)),
    ).toEqual(
      incomplete(
        "'nonsense' not a valid key=value pair (missing equal-sign) in Authorization header: " +
          "'AWS4-HMAC-SHA256 Credential=a, nonsense'.",
      ),
    );
  });

  test('repeats at most a kilobyte of itself, and only what can be printed', () => {
    const header = `AWS4-HMAC-SHA256 \u00ff\u0007${'x'.repeat(5000)}`;
    expect(thrownBy(() => readAuthorization(header, ...DATE))).toEqual(
      incomplete(
        `'??${'x'.repeat(1022)}...' not a valid key=value pair (missing equal-sign) in Authorization header: ` +
          `'AWS4-HMAC-SHA256 ??${'x'.repeat(1005)}...'.`,
      ),
    );
  });

  test('longer than 8 KiB is refused unread', () => {
    expect(thrownBy(() => readAuthorization(`${GOOD}${' '.repeat(8192)}`, ...DATE))).toEqual(
      incomplete('Authorization header must have length less than or equal to 8192.'),
    );
  });

  test('sent twice is refused, whatever the two say', () => {
    const rawHeaders = ['Authorization', GOOD, ...DATE, 'AUTHORIZATION', GOOD];
    expect(thrownBy(() => read(rawHeaders))).toEqual(
      incomplete('Only one Authorization header is allowed.'),
    );
  });

  test('with a parameter given twice is refused', () => {
    expect(thrownBy(() => readAuthorization(`${GOOD}, Signature=${SIGNATURE}`, ...DATE))).toEqual(
      incomplete("Authorization header must have only one 'Signature' parameter."),
    );
  });

  test.each(['a', 'a/b/c/d', 'a/b/c/d/e/f', ''])(
    'with the Credential %j is told what it must be',
    (credential) => {
      expect(
        thrownBy(() => readAuthorization(GOOD.replace(CREDENTIAL, credential), ...DATE)),
      ).toEqual(
        incomplete(
          `Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, got '${credential}'`,
        ),
      );
    },
  );

  test('takes its time from X-Amz-Date before Date', () => {
    const date = ['Date', 'Sun, 30 Aug 2015 12:00:00 GMT'];
    expect(readAuthorization(GOOD, ...date).time.iso).toBe('20150830T120000Z');
    expect(readAuthorization(GOOD, ...date, ...DATE).time.iso).toBe('20150830T123600Z');
  });
});

describe('the presigned query', () => {
  const query = (change: Record<string, string | undefined> = {}): string => {
    const all: Record<string, string | undefined> = {
      'X-Amz-Algorithm': 'AWS4-HMAC-SHA256',
      'X-Amz-Credential': CREDENTIAL,
      'X-Amz-Date': '20150830T123600Z',
      'X-Amz-Expires': '60',
      'X-Amz-SignedHeaders': 'host',
      'X-Amz-Signature': SIGNATURE,
      ...change,
    };
    const sent = Object.entries(all).filter(([, value]) => value !== undefined);
    return sent.map(([name, value]) => `${name}=${encodeURIComponent(value ?? '')}`).join('&');
  };

  test('is read with its escapes undone', () => {
    const claim = read([], query({ 'X-Amz-Security-Token': 'a+/=' }));
    expect(claim).toMatchObject({
      signature: SIGNATURE,
      expires: 60,
      sessionToken: 'a+/=',
      presigned: true,
    });
    expect(claim.signer.credential).toBe(CREDENTIAL);
  });

  test('names every parameter that it lacks', () => {
    expect(thrownBy(() => read([], 'X-Amz-Algorithm=AWS4-HMAC-SHA256'))).toEqual(
      incomplete(
        "AWS query-string parameters must include 'X-Amz-Credential'. AWS query-string parameters must include " +
          "'X-Amz-Signature'. AWS query-string parameters must include 'X-Amz-SignedHeaders'. " +
          "AWS query-string parameters must include 'X-Amz-Date'. Re-examine the query-string parameters.",
      ),
    );
  });

  test.each(['0', '-1', '604801', '1e3', '60 ', '1.5', '', '9999999'])(
    'that asks for %j seconds is refused',
    (expires) => {
      expect(thrownBy(() => read([], query({ 'X-Amz-Expires': expires })))).toEqual(
        incomplete(`X-Amz-Expires must be a number of seconds from 1 to 604800, got '${expires}'.`),
      );
    },
  );

  test.each(['1', '604800'])('may ask for %s seconds', (expires) => {
    expect(read([], query({ 'X-Amz-Expires': expires })).expires).toBe(Number(expires));
  });

  test('of another algorithm is no authentication', () => {
    expect(
      thrownBy(() => read([], query({ 'X-Amz-Algorithm': 'AWS4-ECDSA-P256-SHA256' }))),
    ).toEqual(missing);
  });

  test('with a parameter given twice is refused', () => {
    expect(thrownBy(() => read([], `${query()}&X-Amz-Date=20150830T123600Z`))).toEqual(
      incomplete("AWS query-string parameters must include only one 'X-Amz-Date'."),
    );
  });

  test('beside an Authorization header is refused', () => {
    expect(thrownBy(() => read(['Authorization', GOOD, ...DATE], query()))).toEqual(
      incomplete(
        'Only one authentication mechanism is allowed: the Authorization header or the query-string parameters.',
      ),
    );
  });
});

test('whatever an Authorization header says, it is read or refused with a code of its own', () => {
  const allowed = ['IncompleteSignatureException', 'MissingAuthenticationTokenException'];
  const piece = fc.oneof(
    fc.constantFrom('AWS4-HMAC-SHA256 ', 'Credential=', 'SignedHeaders=', 'Signature=', ', ', '/'),
    fc.constantFrom(CREDENTIAL, SIGNATURE, '=', ';', ' ', '\u00e9', '%', '\0'),
    fc.string({ unit: 'binary', maxLength: 20 }),
  );
  const header = fc.array(piece, { maxLength: 20 }).map((pieces) => pieces.join(''));
  fc.assert(
    fc.property(fc.boolean(), header, (prefixed, text) => {
      const whole = prefixed ? `AWS4-HMAC-SHA256 ${text}` : text;
      const { code } = thrownBy(() => readAuthorization(whole, ...DATE));
      expect([...allowed, 'nothing was thrown']).toContain(code);
    }),
    { numRuns: 2000 },
  );
});
