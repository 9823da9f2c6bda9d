import { createHash } from 'node:crypto';
import fc from 'fast-check';
import {
  readHealth,
  readKeyMetadata,
  readMembers,
  readOpened,
  readSealed,
  requireHealthy,
} from '../../src/xks-client/answers';
import { XksFault, type XksFaultKind } from '../../src/xks-client/client';
import type { ProxyOperation } from '../../src/xks-client/refusals';

const plaintext = Buffer.alloc(40, 1);
const aad = Buffer.from('project=nile,department=marketing');
const base64 = (length: number): string => Buffer.alloc(length, 7).toString('base64');

function kindAndMessage(work: () => unknown): unknown {
  try {
    return work();
  } catch (thrown) {
    if (!(thrown instanceof XksFault)) throw thrown;
    expect(thrown.cause).toBeUndefined();
    return [thrown.kind, thrown.message];
  }
}

const invalid = (what: string): [XksFaultKind, string] => [
  'invalid-response',
  `the answer cannot be interpreted: ${what}`,
];

function answer(
  status: number,
  body: unknown,
  contentType: string | undefined = 'application/json',
) {
  const bytes =
    typeof body === 'string' ? Buffer.from(body, 'latin1') : Buffer.from(JSON.stringify(body));
  return { status, contentType, body: bytes };
}

describe('readMembers', () => {
  test.each(['application/json', 'application/json; charset=utf-8', 'Application/JSON ;x'])(
    'takes %s',
    (contentType) => {
      expect(readMembers('Decrypt', answer(200, { a: 1 }, contentType))).toEqual({ a: 1 });
    },
  );

  test.each([undefined, '', 'text/html', 'application/jsonp', 'text/plain; application/json'])(
    'refuses the content type %s',
    (contentType) => {
      const given = { ...answer(200, {}), contentType };
      expect(kindAndMessage(() => readMembers('Decrypt', given))).toEqual(
        invalid('it is not application/json, with status 200'),
      );
    },
  );

  test.each([
    ['', 'it is no JSON'],
    ['{"plaintext":', 'it is no JSON'],
    ['\xff', 'it is no JSON'],
    ['"text"', 'it is no JSON object'],
    ['[]', 'it is no JSON object'],
    ['null', 'it is no JSON object'],
  ])('refuses the body %j, and does not repeat it', (body, what) => {
    expect(kindAndMessage(() => readMembers('Decrypt', answer(200, body)))).toEqual(invalid(what));
  });

  test('refuses a success without content, and a redirection', () => {
    expect(kindAndMessage(() => readMembers('Encrypt', answer(204, {})))).toEqual(
      invalid('status 204 without an error that Encrypt has'),
    );
    expect(kindAndMessage(() => readMembers('Encrypt', answer(307, {})))).toEqual(
      invalid('status 307 without an error that Encrypt has'),
    );
  });

  test.each<[ProxyOperation, number, string, XksFaultKind]>([
    ['Encrypt', 400, 'ValidationException', 'invalid-response'],
    ['Encrypt', 400, 'InvalidStateException', 'key-disabled'],
    ['Encrypt', 400, 'InvalidKeyUsageException', 'key-usage'],
    ['Decrypt', 400, 'InvalidKeyUsageException', 'key-usage'],
    ['Decrypt', 400, 'InvalidCiphertextException', 'ciphertext'],
    ['Encrypt', 401, 'AuthenticationFailedException', 'credential'],
    ['Decrypt', 403, 'AccessDeniedException', 'access-denied'],
    ['Decrypt', 404, 'KeyNotFoundException', 'key-not-found'],
    ['GetKeyMetadata', 404, 'KeyNotFoundException', 'key-not-found'],
    ['GetKeyMetadata', 400, 'InvalidStateException', 'key-disabled'],
    ['Decrypt', 404, 'InvalidUriPathException', 'uri-path'],
    ['Encrypt', 429, 'ThrottlingException', 'throttled'],
    ['Encrypt', 500, 'InternalException', 'unhealthy'],
    ['Encrypt', 501, 'UnsupportedOperationException', 'unsupported'],
    ['Encrypt', 503, 'DependencyTimeoutException', 'timed-out'],
    ['GetHealthStatus', 400, 'InvalidStateException', 'unhealthy'],
    ['GetHealthStatus', 401, 'AuthenticationFailedException', 'credential'],
  ])('reads of %s %i %s as %s', (operation, status, errorName, kind) => {
    const given = answer(status, { errorName, errorMessage: 'as\u00e9 said' });
    expect(kindAndMessage(() => readMembers(operation, given))).toEqual([
      kind,
      `${errorName}: as? said`,
    ]);
  });

  test('reads a refusal without a message', () => {
    const given = answer(404, { errorName: 'KeyNotFoundException' });
    expect(kindAndMessage(() => readMembers('Decrypt', given))).toEqual([
      'key-not-found',
      'KeyNotFoundException: (no message)',
    ]);
  });

  test.each<[string, ProxyOperation, number, unknown]>([
    ['has no body of the API', 'Encrypt', 500, {}],
    ['has an unknown name', 'Encrypt', 400, { errorName: 'TeapotException' }],
    ['has a name of every object', 'Encrypt', 400, { errorName: 'toString' }],
    ['has a name that is no text', 'Encrypt', 400, { errorName: 7 }],
    ['has the status of another', 'Encrypt', 500, { errorName: 'KeyNotFoundException' }],
    ['the operation has not', 'Encrypt', 400, { errorName: 'InvalidCiphertextException' }],
    ['the operation has not', 'GetHealthStatus', 404, { errorName: 'KeyNotFoundException' }],
  ])('refuses an error that %s', (_, operation, status, body) => {
    expect(kindAndMessage(() => readMembers(operation, answer(status, body)))).toEqual(
      invalid(`status ${status} without an error that ${operation} has`),
    );
  });
});

test('No answer crashes what reads it: it is read, or is a fault', () => {
  const names = ['plaintext', 'keySpec', 'keyUsage', 'errorName', 'ekmFleetDetails', '__proto__'];
  const members = fc.dictionary(fc.constantFrom(...names), fc.jsonValue());
  const bodies = fc.oneof(
    fc.json(),
    members.map((value) => JSON.stringify(value)),
    fc.string(),
  );
  const sealed = {
    ciphertext: Buffer.alloc(3),
    iv: Buffer.alloc(12),
    tag: Buffer.alloc(16),
    metadata: Buffer.alloc(0),
  };
  const readers = [
    readKeyMetadata,
    readHealth,
    (given: Readonly<Record<string, unknown>>) => readSealed(given, { plaintext, aad }),
    (given: Readonly<Record<string, unknown>>) => readOpened(given, sealed),
  ];
  fc.assert(
    fc.property(bodies, fc.constantFrom(200, 400, 404, 500), (body, status) => {
      for (const read of readers) {
        kindAndMessage(() => read(readMembers('Decrypt', answer(status, body))));
      }
    }),
  );
});

describe('readSealed', () => {
  const parts = {
    ciphertext: base64(40),
    initializationVector: base64(12),
    authenticationTag: base64(16),
    ciphertextMetadata: base64(3),
  };
  const withValue = (members: Readonly<Record<string, string | null | undefined>>) => {
    const hash = createHash('sha256').update(aad);
    const order = [
      'ciphertextMetadata',
      'initializationVector',
      'ciphertext',
      'authenticationTag',
    ] as const;
    for (const name of order) hash.update(Buffer.from(members[name] ?? '', 'base64'));
    return { ciphertextDataIntegrityValue: hash.digest('base64'), ...members };
  };

  test('takes initialisation vectors of 12 and 16 bytes, metadata of up to 20 and none', () => {
    expect(readSealed(withValue(parts), { plaintext, aad })).toEqual({
      ciphertext: Buffer.alloc(40, 7),
      iv: Buffer.alloc(12, 7),
      tag: Buffer.alloc(16, 7),
      metadata: Buffer.alloc(3, 7),
    });
    for (const different of [
      { initializationVector: base64(16) },
      { ciphertextMetadata: base64(20) },
      { ciphertextMetadata: '' },
      { ciphertextMetadata: null },
      { ciphertextMetadata: undefined },
      { another: 'member' },
    ]) {
      readSealed(withValue({ ...parts, ...different }), { plaintext, aad });
    }
  });

  test.each<[Readonly<Record<string, string | undefined>>, string]>([
    [{ ciphertext: base64(39) }, 'ciphertext has 39 bytes'],
    [{ ciphertext: undefined }, 'ciphertext is no base64'],
    [{ initializationVector: base64(13) }, 'initializationVector has 13 bytes'],
    [{ initializationVector: '' }, 'initializationVector has 0 bytes'],
    [{ authenticationTag: base64(12) }, 'authenticationTag has 12 bytes'],
    [{ ciphertextMetadata: base64(21) }, 'ciphertextMetadata has 21 bytes'],
    [{ ciphertextMetadata: 'seven' }, 'ciphertextMetadata is no base64'],
    [{ authenticationTag: base64(16).replace(/=+$/, '') }, 'authenticationTag is no base64'],
    [{ initializationVector: '-_-_-_-_-_-_-_-_' }, 'initializationVector is no base64'],
  ])('refuses %j', (different, what) => {
    const members = withValue({ ...parts, ...different });
    expect(kindAndMessage(() => readSealed(members, { plaintext, aad }))).toEqual(invalid(what));
  });

  test('refuses a value that is missing, another, or of something else', () => {
    const what = 'ciphertextDataIntegrityValue is not that of the ciphertext';
    const right = withValue(parts);
    for (const wrong of [
      { ...right, ciphertextDataIntegrityValue: undefined },
      { ...right, ciphertextDataIntegrityValue: base64(32) },
      { ...right, ciphertext: Buffer.alloc(40, 8).toString('base64') },
      { ...right, ciphertextMetadata: base64(4) },
      { ...right, authenticationTag: Buffer.alloc(16, 8).toString('base64') },
    ]) {
      expect(kindAndMessage(() => readSealed(wrong, { plaintext, aad }))).toEqual(invalid(what));
    }
    const other = { plaintext, aad: Buffer.from('other') };
    expect(kindAndMessage(() => readSealed(right, other))).toEqual(invalid(what));
  });
});

test('readOpened takes as many bytes as were sent', () => {
  const sealed = {
    ciphertext: Buffer.alloc(40),
    iv: Buffer.alloc(12),
    tag: Buffer.alloc(16),
    metadata: Buffer.alloc(0),
  };
  expect(readOpened({ plaintext: base64(40) }, sealed)).toEqual(Buffer.alloc(40, 7));
  expect(kindAndMessage(() => readOpened({ plaintext: base64(41) }, sealed))).toEqual(
    invalid('plaintext has 41 bytes'),
  );
  expect(kindAndMessage(() => readOpened({}, sealed))).toEqual(invalid('plaintext is no base64'));
});

describe('readKeyMetadata', () => {
  const right = { keySpec: 'AES_256', keyUsage: ['ENCRYPT', 'DECRYPT'], keyStatus: 'ENABLED' };

  test('takes other specs, usages and states too: CreateKey judges them', () => {
    expect(readKeyMetadata({ ...right, more: 1 })).toEqual(right);
    const other = { keySpec: 'RSA_2048', keyUsage: ['SIGN'], keyStatus: 'DISABLED' };
    expect(readKeyMetadata(other)).toEqual(other);
    expect(readKeyMetadata({ ...right, keyUsage: [] }).keyUsage).toEqual([]);
  });

  const usages = 'keyUsage is no list of 10 short texts at the most';
  test.each<[object, string]>([
    [{ keySpec: undefined }, 'keySpec is no short text'],
    [{ keySpec: 'A'.repeat(65) }, 'keySpec is no short text'],
    [{ keySpec: 'AES\n256' }, 'keySpec is no short text'],
    [{ keyStatus: '' }, 'keyStatus is no short text'],
    [{ keyUsage: 'ENCRYPT' }, usages],
    [{ keyUsage: [1] }, usages],
    [{ keyUsage: Array.from({ length: 11 }, () => 'SIGN') }, usages],
  ])('refuses %j', (different, what) => {
    expect(kindAndMessage(() => readKeyMetadata({ ...right, ...different }))).toEqual(
      invalid(what),
    );
  });
});

describe('readHealth', () => {
  const manager = { id: '1', model: 'HSM 9', healthStatus: 'ACTIVE' };
  const right = {
    xksProxyFleetSize: 2,
    xksProxyVendor: 'Acme',
    xksProxyModel: 'Proxy 1.0',
    ekmVendor: 'Thales',
    ekmFleetDetails: [manager],
  };

  test('takes what the API has', () => {
    expect(readHealth({ ...right, more: 1 })).toEqual(right);
  });

  const size = 'xksProxyFleetSize is no positive integer';
  const details = 'ekmFleetDetails is no list of 1 to 10';
  test.each<[object, string]>([
    [{ xksProxyFleetSize: 0 }, size],
    [{ xksProxyFleetSize: 1.5 }, size],
    [{ xksProxyFleetSize: '2' }, size],
    [{ xksProxyVendor: undefined }, 'xksProxyVendor is no text'],
    [{ xksProxyModel: 'x'.repeat(1025) }, 'xksProxyModel is no text'],
    [{ ekmVendor: null }, 'ekmVendor is no text'],
    [{ ekmFleetDetails: [] }, details],
    [{ ekmFleetDetails: {} }, details],
    [{ ekmFleetDetails: Array.from({ length: 11 }, () => manager) }, details],
    [{ ekmFleetDetails: ['1'] }, 'ekmFleetDetails has what is no object'],
    [{ ekmFleetDetails: [{ ...manager, healthStatus: 'FINE' }] }, 'healthStatus is none'],
    [{ ekmFleetDetails: [{ ...manager, id: 1 }] }, 'id is no text'],
  ])('refuses %j', (different, what) => {
    expect(kindAndMessage(() => readHealth({ ...right, ...different }))).toEqual(invalid(what));
  });

  test('One key manager that is not UNAVAILABLE is enough', () => {
    const of = (...states: readonly string[]) =>
      readHealth({
        ...right,
        ekmFleetDetails: states.map((healthStatus) => ({ ...manager, healthStatus })),
      });
    for (const health of [of('ACTIVE'), of('UNAVAILABLE', 'DEGRADED')]) {
      expect(requireHealthy(health)).toBe(health);
    }
    expect(kindAndMessage(() => requireHealthy(of('UNAVAILABLE', 'UNAVAILABLE')))).toEqual([
      'unhealthy',
      'all external key managers are UNAVAILABLE',
    ]);
  });
});
