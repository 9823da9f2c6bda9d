import fc from 'fast-check';
import { auditLine, auditRecord, type AuditedCall } from '../../src/audit';

const arn = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';

const call: AuditedCall = {
  completedAt: new Date('2026-08-10T22:38:27.999Z'),
  eventId: '91041475-a80b-4f8e-a6d9-d41ef5ae7a3d',
  requestId: '2e5bf8e0-9a5b-4f5c-8f5e-0e6f5d0c1b2a',
  service: 'kms',
  eventName: 'Encrypt',
  caller: {
    kind: 'user',
    accountId: '111122223333',
    arn: 'arn:aws:iam::111122223333:user/Alice',
    principalId: 'AIDAEXAMPLEID',
    userName: 'Alice',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  },
  region: 'us-east-1',
  sourceIPAddress: '192.0.2.1',
  userAgent: 'aws-cli/2.15',
  requestParameters: { keyId: arn, encryptionContext: { Department: 'IT' } },
  responseElements: null,
  readOnly: true,
  resources: [{ accountId: '111122223333', arn }],
  recipientAccountId: '111122223333',
};

test('A record has the members of CloudTrail in its order', () => {
  expect(auditLine(auditRecord(call))).toBe(
    '{"eventVersion":"1.11","userIdentity":{"type":"IAMUser","principalId":"AIDAEXAMPLEID",' +
      '"arn":"arn:aws:iam::111122223333:user/Alice","accountId":"111122223333",' +
      '"accessKeyId":"AKIAIOSFODNN7EXAMPLE","userName":"Alice"},"eventTime":"2026-08-10T22:38:27Z",' +
      '"eventSource":"kms.amazonaws.com","eventName":"Encrypt","awsRegion":"us-east-1",' +
      '"sourceIPAddress":"192.0.2.1","userAgent":"aws-cli/2.15",' +
      `"requestParameters":{"keyId":"${arn}","encryptionContext":{"Department":"IT"}},` +
      '"responseElements":null,"requestID":"2e5bf8e0-9a5b-4f5c-8f5e-0e6f5d0c1b2a",' +
      '"eventID":"91041475-a80b-4f8e-a6d9-d41ef5ae7a3d","readOnly":true,' +
      `"resources":[{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"${arn}"}],` +
      '"eventType":"AwsApiCall","managementEvent":true,"recipientAccountId":"111122223333",' +
      '"eventCategory":"Management"}',
  );
});

test('A refusal has the error’s code and text, and access denied has CloudTrail’s name for it', () => {
  const refused = { ...call, error: { code: 'DisabledException', message: `${arn} is disabled.` } };
  expect(auditRecord(refused)).toMatchObject({
    errorCode: 'DisabledException',
    errorMessage: `${arn} is disabled.`,
  });
  const denied = auditRecord({ ...call, error: { code: 'AccessDeniedException', message: '' } });
  expect(denied.errorCode).toBe('AccessDenied');
  expect(auditLine(denied)).not.toContain('errorMessage');
});

test.each([
  ['NoSuchEntity', 'NoSuchEntityException'],
  ['MalformedPolicyDocument', 'MalformedPolicyDocumentException'],
  ['ExpiredToken', 'ExpiredTokenException'],
  ['NotFoundException', 'NotFoundException'],
])('CloudTrail calls %s %s', (code, recorded) => {
  expect(auditRecord({ ...call, error: { code, message: '' } }).errorCode).toBe(recorded);
});

test('The root of an account has no user name, and nobody has the type Unknown', () => {
  const root = {
    kind: 'root',
    accountId: '111122223333',
    arn: 'arn:aws:iam::111122223333:root',
    principalId: '111122223333',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  } as const;
  expect(auditRecord({ ...call, caller: root }).userIdentity).toEqual({
    type: 'Root',
    principalId: '111122223333',
    arn: 'arn:aws:iam::111122223333:root',
    accountId: '111122223333',
    accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
  });
  expect(auditRecord({ ...call, caller: undefined }).userIdentity).toEqual({ type: 'Unknown' });
});

test('TLS details, additional data and the shared event id are there when they are known', () => {
  const tls = { version: 'TLSv1.3', cipherSuite: 'TLS_AES_128_GCM_SHA256', host: 'kms.example' };
  expect(
    auditRecord({
      ...call,
      tls,
      additionalEventData: { keyMaterialId: 'a'.repeat(64) },
      sharedEventId: 'e',
    }),
  ).toMatchObject({
    additionalEventData: { keyMaterialId: 'a'.repeat(64) },
    sharedEventID: 'e',
    tlsDetails: {
      tlsVersion: 'TLSv1.3',
      cipherSuite: 'TLS_AES_128_GCM_SHA256',
      clientProvidedHostHeader: 'kms.example',
    },
  });
});

test('What a client may send without limit is cut to CloudTrail’s limits', () => {
  const long = auditRecord({
    ...call,
    userAgent: 'u'.repeat(20_000),
    eventName: 'E'.repeat(20_000),
    error: { code: 'ValidationException', message: 'm'.repeat(20_000) },
  });
  expect(long.userAgent).toHaveLength(1024);
  expect(long.eventName).toHaveLength(1024);
  expect(long.errorMessage).toHaveLength(1024);
});

test('Request parameters of more than 100 KB are replaced by a note of their size', () => {
  const line = auditLine(
    auditRecord({ ...call, requestParameters: { policy: 'p'.repeat(200_000) } }),
  );
  expect(line.length).toBeLessThan(2000);
  expect(JSON.parse(line)).toMatchObject({
    requestParameters: { omitted: true, originalSize: 200_013, reason: 'larger than 100 KB' },
    responseElements: null,
    eventName: 'Encrypt',
  });
});

test('A line is one line and reads back as the record, with U+0000 as the text of its escape', () => {
  const unit = fc.oneof(
    fc.constantFrom('\0', '\\', '"', '\n', 'u0000'),
    fc.string({ unit: 'binary' }),
  );
  // Short enough that no text is cut at its limit: it is cut first and escaped then.
  const text = fc.array(unit, { maxLength: 8 }).map((units) => units.join(''));
  const recordOf = (said: string, map: Record<string, string>): ReturnType<typeof auditRecord> =>
    auditRecord({
      ...call,
      userAgent: said,
      requestParameters: { encryptionContext: map },
      error: { code: 'ValidationException', message: said },
    });
  const escaped = (some: string): string => some.replaceAll('\0', '\\u0000');
  fc.assert(
    fc.property(text, fc.dictionary(fc.string(), text), (said, map) => {
      const line = auditLine(recordOf(said, map));
      expect(line).not.toMatch(/[\n\r\0]/);
      const pairs = Object.entries(map).map(([name, value]) => [name, escaped(value)]);
      const kept = recordOf(escaped(said), Object.fromEntries(pairs) as Record<string, string>);
      expect(JSON.parse(line)).toEqual(JSON.parse(JSON.stringify(kept)));
    }),
    { numRuns: 500 },
  );
});
