import { KmsError } from '../src/errors';
import { Trail } from '../src/trail';
import { accountId, keyWith, rootOf } from './support/sample-keys';

const origin = {
  sourceIp: '127.0.0.1',
  secureTransport: false,
  userAgent: 'tests',
  tls: undefined,
};
const service = { region: 'us-east-1', accountId: '000000000000' };
const request = { requestId: 'the-request', origin, service: 'kms' } as const;
const trail = (): Trail => new Trail(request, service);
const parse = (line: string): Record<string, unknown> =>
  JSON.parse(line) as Record<string, unknown>;

test('a request of which nothing was learned leaves a record all the same', () => {
  const record = parse(trail().refusal(new KmsError('UnknownOperationException')));
  expect(record).toMatchObject({
    eventName: 'UnknownOperation',
    requestID: 'the-request',
    errorCode: 'UnknownOperationException',
    userIdentity: { type: 'Unknown' },
    requestParameters: null,
    responseElements: null,
    resources: [],
    readOnly: true,
    recipientAccountId: '000000000000',
    sourceIPAddress: '127.0.0.1',
    userAgent: 'tests',
  });
  expect(record).not.toHaveProperty('errorMessage');
});

test('an operation that does not exist is repeated, but not without end', () => {
  const one = trail();
  one.claimedOperation = 'X'.repeat(10_000);
  const record = parse(one.refusal(new KmsError('UnknownOperationException')));
  expect(record['eventName']).toBe('X'.repeat(128));
});

test('nothing of an input is recorded before it was declared, and then the audited members only', () => {
  const one = trail();
  one.operation = 'Encrypt';
  one.caller = rootOf(accountId);
  const refused = parse(one.refusal(new KmsError('ValidationException', 'bad')));
  expect(refused).toMatchObject({ requestParameters: null, errorMessage: 'bad' });
  const input = { KeyId: 'k', Plaintext: Buffer.from('secret'), GrantTokens: ['t'] };
  one.declare({ readOnly: true, audited: ['KeyId', 'Plaintext', 'GrantTokens'] });
  one.input = input;
  one.keys = [keyWith()];
  const line = one.success(null);
  expect(parse(line)).toMatchObject({
    eventName: 'Encrypt',
    requestParameters: { keyId: 'k' },
    resources: [{ accountId, type: 'AWS::KMS::Key', ARN: keyWith().arn }],
    recipientAccountId: accountId,
  });
  for (const secret of ['secret', Buffer.from('secret').toString('base64'), 'GrantTokens']) {
    expect(line).not.toContain(secret);
  }
});

test('a change is recorded as one, with what it answered', () => {
  const one = trail();
  one.operation = 'CreateKey';
  one.declare({ readOnly: false, audited: [] });
  one.input = {};
  expect(parse(one.success({ keyId: 'k' }))).toMatchObject({
    readOnly: false,
    responseElements: { keyId: 'k' },
  });
});

test('a change whose input is not valid is one that was refused, and not a read', () => {
  const one = trail();
  one.operation = 'EnableKeyRotation';
  one.declare({ readOnly: false, audited: ['RotationPeriodInDays'] });
  expect(parse(one.refusal(new KmsError('ValidationException', 'bad')))).toMatchObject({
    readOnly: false,
    requestParameters: null,
  });
});

test('what a change notes is recorded when it is made, and not when it is refused', () => {
  const one = trail();
  one.additional = { GrantId: 'g', GrantToken: 'secret' };
  expect(parse(one.success(null))).toMatchObject({ additionalEventData: { grantId: 'g' } });
  expect(one.success(null)).not.toContain('secret');
  const refused = parse(one.refusal(new KmsError('KMSInternalException')));
  expect(refused).not.toHaveProperty('additionalEventData');
  expect(parse(trail().success(null))).not.toHaveProperty('additionalEventData');
});

test('a client in a network zone with an endpoint is recorded with it, and others with none', () => {
  const zoned = new Trail(
    { ...request, origin: { ...origin, zone: { vpcId: 'vpc-1', vpceId: 'vpce-2' } } },
    service,
  );
  expect(parse(zoned.success(null))).toMatchObject({ vpcEndpointId: 'vpce-2' });
  expect(parse(trail().success(null))).not.toHaveProperty('vpcEndpointId');
});

test('every record has an event id of its own', () => {
  const one = trail();
  expect(parse(one.success(null))['eventID']).not.toBe(parse(one.success(null))['eventID']);
});

test('a record is one line that Postgres can read as JSON, whatever was sent', () => {
  const one = trail();
  one.operation = 'Encrypt';
  const context = { 'a\0': '\\u0000', b: '\ud800', c: 'line\nend\u2028', d: '\\\0' };
  one.declare({ readOnly: true, audited: ['EncryptionContext'] });
  one.input = { EncryptionContext: context };
  const line = one.refusal(new KmsError('ValidationException', 'a\0\udc00'));
  expect(line).not.toContain('\n');
  expect(line).not.toMatch(/(?<!\\)(\\\\)*\\u(0000|d[89a-f])/);
  expect(parse(line)).toMatchObject({
    errorMessage: 'a\\u0000\\udc00',
    requestParameters: {
      encryptionContext: {
        'a\\u0000': '\\u0000',
        b: '\\ud800',
        c: 'line\nend\u2028',
        d: '\\\\u0000',
      },
    },
  });
});

test.each([
  ['kms', 'kms.amazonaws.com'],
  ['iam', 'iam.amazonaws.com'],
  ['sts', 'sts.amazonaws.com'],
  [undefined, 'sts.amazonaws.com'],
] as const)('a request for %s is an event of %s', (name, source) => {
  const one = new Trail({ ...request, service: name }, service);
  expect(parse(one.success(null))).toMatchObject({ eventSource: source });
});

test('what a request has two actions on stands in its record once', () => {
  const one = trail();
  one.caller = rootOf(accountId);
  const arn = `arn:aws:iam::${accountId}:role/r`;
  const action = { action: 'sts:AssumeRole', resource: arn };
  one.about([action, action]);
  expect(parse(one.success(null))['resources']).toEqual([
    { accountId, type: 'AWS::IAM::Role', ARN: arn },
  ]);
});

test('what a request is about besides keys stands before them, with its own account', () => {
  const one = trail();
  one.caller = rootOf(accountId);
  one.keys = [keyWith()];
  const arns = ['arn:aws:iam::444455556666:role/r', '*', 'arn:aws:iam::aws:policy/p'];
  one.about(arns.map((resource) => ({ action: 'sts:AssumeRole', resource })));
  expect(parse(one.success(null))['resources']).toEqual([
    { accountId: '444455556666', type: 'AWS::IAM::Role', ARN: 'arn:aws:iam::444455556666:role/r' },
    { accountId, type: 'AWS::IAM::Policy', ARN: 'arn:aws:iam::aws:policy/p' },
    { accountId, type: 'AWS::KMS::Key', ARN: keyWith().arn },
  ]);
});
