import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { GetKeyLastUsageCommand } from '@aws-sdk/client-kms';
import type { TestDaemon } from '../support/daemon';
import { metricsOf } from '../support/metrics';
import { administer } from '../support/postgres';
import { until } from '../support/until';
import type { XksCaller, XksReply } from '../support/xks-client';
import {
  about,
  authenticationFailed,
  decryptBody,
  encryptBody,
  keyNotFound,
  refused,
  sealedOf,
  succeeded,
  unknownPath,
} from '../support/xks-requests';
import { type XksTarget, makeKey, makeStore, startTarget } from '../support/xks-target';

/** What a daemon keeps of requests to its XKS proxy: audit records, its log, metrics (xks-proxy §1.13). */
let target: XksTarget;
let daemon: TestDaemon;
let kms: XksCaller;
let keyId: string;
let directory: string;

beforeAll(async () => {
  target = await startTarget();
  if (target.daemon === undefined) throw new Error('it is not a daemon of our own');
  daemon = target.daemon;
  kms = await makeStore(target, 'kept');
  keyId = await makeKey(target, kms, 'one');
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-xks-rules-'));
});
afterAll(async () => {
  kms.close();
  await target.remove();
  await rm(directory, { recursive: true });
});

const plaintext = Buffer.from('never to be written anywhere');
/** With members that nobody knows, one of them of the name of a field of the log. */
const metadata = {
  sourceIdentity: 'bob',
  outcome: 'forged',
  later: { a: 1 },
  awsSourceVpc: 'vpc-1',
};
const encrypt = (more: object = {}): Promise<XksReply> => {
  const requestMetadata = about('GenerateDataKey', metadata);
  return kms.call('keys/one/encrypt', encryptBody({ plaintext }, { requestMetadata, ...more }));
};

async function recordsOf({ headers }: XksReply): Promise<Record<string, unknown>[]> {
  const rows = await administer<{ record: string }>(
    daemon.databaseUrl,
    `select record from audit_record where record::json ->> 'requestID' = $1`,
    [headers['x-amzn-requestid']],
  );
  return rows.map(({ record }) => JSON.parse(record) as Record<string, unknown>);
}

const logged = async (reply: XksReply): Promise<Readonly<Record<string, unknown>>> => {
  const find = () =>
    daemon.log.find(({ requestId }) => requestId === reply.headers['x-amzn-requestid']);
  await until('the request is logged', () => find() !== undefined);
  return find() ?? {};
};

test('A request is recorded once, with who called, for whom, and which key and material it was', async () => {
  const requestMetadata = about('GenerateDataKey', metadata);
  const body = encryptBody({ plaintext }, { requestMetadata });
  const reply = await kms.call('keys/one/encrypt', body);
  succeeded(reply);
  const { later: _, ...texts } = requestMetadata;
  const resource = `arn:aws:kms:us-east-1:${daemon.accountId}:key/${keyId}`;
  const records = await recordsOf(reply);
  expect(records).toHaveLength(1);
  expect(records[0]).toMatchObject({
    eventSource: 'kms-xks-proxy.amazonaws.com',
    eventName: 'Encrypt',
    userIdentity: {
      type: 'AWSService',
      invokedBy: 'kms.amazonaws.com',
      accessKeyId: kms.credential.accessKeyId,
    },
    requestParameters: { prefix: kms.prefix, externalKeyId: 'one', requestMetadata: texts },
    additionalEventData: { keyMaterialId: expect.stringMatching(/^[0-9a-f]{64}$/) as string },
    readOnly: true,
    resources: [{ accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN: resource }],
    recipientAccountId: daemon.accountId,
  });
  expect(records[0]).not.toHaveProperty('errorCode');
});

test('A refusal is recorded too, with what is known by then', async () => {
  const missing = await kms.call('keys/missing/metadata', { requestMetadata: about('CreateKey') });
  expect(refused(missing)).toEqual(keyNotFound);
  const forged = await kms.call('health', {}, { secret: 'x'.repeat(43) });
  expect(refused(forged)).toEqual(authenticationFailed);
  const nowhere = await kms.send(await kms.signed('/nowhere/kms/xks/v1/health', {}));
  expect(refused(nowhere)).toEqual(unknownPath);
  const got = await kms.call('health', '', { method: 'GET' });
  expect(got.status).toBe(405);
  const unknown = { type: 'Unknown' };
  const expected = [
    [missing, 'GetKeyMetadata', 'KeyNotFoundException', { type: 'AWSService' }],
    [forged, 'GetHealthStatus', 'AuthenticationFailedException', unknown],
    [nowhere, 'UnknownOperation', 'InvalidUriPathException', unknown],
    [got, 'GetHealthStatus', 'MethodNotAllowed', unknown],
  ] as const;
  for (const [reply, eventName, errorCode, userIdentity] of expected) {
    const records = await recordsOf(reply);
    expect(records).toHaveLength(1);
    expect(records[0]).toMatchObject({ eventName, errorCode, userIdentity });
  }
});

test('Why a signature is refused stands in the log, and not in the answer', async () => {
  const reply = await kms.call('health', {}, { region: 'eu-west-9' });
  expect(refused(reply)).toEqual(authenticationFailed);
  expect(await logged(reply)).toMatchObject({
    outcome: 'AuthenticationFailedException',
    error: "KmsError: Credential should be scoped to a valid region, not 'eu-west-9'. ",
  });
});

test('The log has what AWS KMS says of a request, and how long it took', async () => {
  const reply = await encrypt();
  expect(await logged(reply)).toMatchObject({
    message: 'xks request',
    operation: 'Encrypt',
    outcome: 'ok',
    prefix: kms.prefix,
    externalKeyId: 'one',
    keyId,
    accessKeyId: kms.credential.accessKeyId,
    kmsOperation: 'GenerateDataKey',
    kmsRequestId: expect.any(String) as string,
    awsPrincipalArn: 'arn:aws:iam::123456789012:user/Alice',
    awsSourceVpc: 'vpc-1',
    milliseconds: expect.any(Number) as number,
  });
});

test('No plaintext, no secret and no ciphertext stands in a record or in the log', async () => {
  const sealed = sealedOf(await encrypt());
  succeeded(await kms.call('keys/one/decrypt', decryptBody(sealed)));
  refused(await encrypt({ plaintext: `${plaintext.toString('base64')}!` }));
  await logged(await encrypt({ encryptionAlgorithm: 'AES_GCM' }));
  const rows = await administer<{ record: string }>(
    daemon.databaseUrl,
    'select record from audit_record',
  );
  const written = [...rows.map(({ record }) => record), JSON.stringify(daemon.log)].join('\n');
  for (const secret of [
    plaintext.toString('base64').slice(0, 20),
    plaintext.toString().slice(0, 12),
    kms.credential.secret,
    sealed.ciphertext.toString('base64').slice(0, 20),
  ]) {
    expect(written).not.toContain(secret);
  }
});

test('Metrics count requests by store and operation, and none by what strangers send', async () => {
  await encrypt();
  await kms.send(await kms.signed('/stranger-here/kms/xks/v1/keys/x/encrypt', {}));
  const samples = await metricsOf(daemon);
  const counted = (prefix: string, operation: string, outcome: string): string =>
    `claviger_xks_requests_total{prefix="${prefix}",operation="${operation}",outcome="${outcome}"}`;
  expect(samples.get(counted(kms.prefix, 'Encrypt', 'ok'))).toBeGreaterThan(0);
  expect(samples.get(counted('unknown', 'unknown', 'InvalidUriPathException'))).toBeGreaterThan(0);
  expect([...samples.keys()].filter((name) => name.includes('stranger'))).toEqual([]);
  const seconds = `claviger_xks_request_seconds_count{prefix="${kms.prefix}",operation="Encrypt"}`;
  expect(samples.get(seconds)).toBeGreaterThan(0);
});

test('A use of an external key is a use of the KMS key behind it', async () => {
  const reply = await encrypt();
  const usage = await target.kms.send(new GetKeyLastUsageCommand({ KeyId: keyId }));
  expect(usage.KeyLastUsage).toMatchObject({
    Operation: 'Encrypt',
    KmsRequestId: reply.headers['x-amzn-requestid'],
  });
});

test('Secondary authorization refuses; which rule it was stands in record and log alone', async () => {
  const file = path.join(directory, 'rules.json');
  const rule = { name: 'no-bobs', effect: 'deny', awsPrincipalArn: '*:user/Bob' };
  writeFileSync(file, JSON.stringify({ rules: [rule] }));
  await makeKey(target, kms, 'ruled', '--rules', file);
  const asBob = { requestMetadata: about('CreateKey', { awsPrincipalArn: 'arn:x:user/Bob' }) };
  const reply = await kms.call('keys/ruled/metadata', asBob);
  expect(refused(reply)).toEqual({
    status: 403,
    errorName: 'AccessDeniedException',
    errorMessage: 'The key store does not allow this request.',
  });
  expect(await recordsOf(reply)).toMatchObject([
    {
      errorCode: 'AccessDenied',
      additionalEventData: { deniedBy: { by: 'key', rule: 'no-bobs' } },
    },
  ]);
  expect(await logged(reply)).toMatchObject({ deniedBy: 'key: no-bobs' });
  const asAlice = { requestMetadata: about('CreateKey') };
  expect(succeeded(await kms.call('keys/ruled/metadata', asAlice))).toHaveProperty('keyStatus');
  expect(succeeded(await kms.call('health', asBob))).toHaveProperty('ekmVendor');
});

test('A store that asks more often than it may is told so, and its health is still told', async () => {
  const slow = await makeStore(target, 'slow', '--rate', '1');
  const asked = { requestMetadata: about('CreateKey') };
  const replies = await Promise.all(
    Array.from({ length: 50 }, () => slow.call('keys/none/metadata', asked)),
  );
  const throttled = replies.filter(({ status }) => status === 429);
  expect(throttled.length).toBeGreaterThan(0);
  expect(throttled.length).toBeLessThan(replies.length);
  for (const reply of throttled) {
    expect(refused(reply)).toEqual({
      status: 429,
      errorName: 'ThrottlingException',
      errorMessage: 'The external key store gets too many requests.',
    });
  }
  expect(succeeded(await slow.call('health', asked))).toHaveProperty('ekmVendor');
  expect(succeeded(await encrypt())).toHaveProperty('ciphertext');
  slow.close();
});
