import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import {
  DescribeKeyCommand,
  EncryptCommand,
  GenerateRandomCommand,
  type KMSClient,
  ListAliasesCommand,
  ListKeysCommand,
  ReEncryptCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { auditOf, clientOf, createKey, sdkRefusal } from '../support/kms';
import { bearing, makeToken } from '../support/api-tokens';
import { type Answered, ask, startLoad } from '../support/load';
import { metricsOf } from '../support/metrics';
import { rest } from '../support/rest';
import { newUser } from '../support/principals';
import { assume, makeRole, makeUserAllowed, stsClient } from '../support/sts-client';
import { until } from '../support/until';

let daemon: TestDaemon;
/** On the same token and database, with one worker. */
let alone: TestDaemon;
let directory: string;

/** So slow that a burst is over, on a busy machine too, before what it took has come back. */
const groups = {
  ...{ symmetric: 5, rsa: 2, DescribeKey: 0.2, ListAliases: 5, ListKeys: 30, ListApiTokens: 0.2 },
  ...{ 'GenerateDataKeyPair(ECC_NIST_P256)': 3 },
};
const file = {
  groups,
  rules: [
    { principals: ['arn:aws:iam::*:root'], preset: 'unlimited' },
    { principals: ['*:user/quick'], groups: { symmetric: 'unlimited', ListAliases: 500 } },
    { principals: ['*:role/slow'], groups: { ListKeys: 0.1 } },
  ],
};
const throttled = {
  code: 'ThrottlingException',
  message:
    'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
  status: 400,
};

beforeAll(async () => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-rates-'));
  const ratesFile = path.join(directory, 'rates.json');
  writeFileSync(ratesFile, JSON.stringify(file));
  const environment = { CLAVIGER_RATES_FILE: ratesFile };
  daemon = await startDaemon({ workers: 2, environment });
  alone = await startDaemon({ beside: daemon, environment });
});
afterAll(async () => {
  await alone.remove();
  await daemon.remove();
  rmSync(directory, { recursive: true });
});

/** A user who may do everything, at a daemon. */
async function user(name: string, at = alone): Promise<KMSClient> {
  return clientOf(at, await makeUserAllowed(daemon, name, 'kms:*'));
}

/** How many of so many requests, all at once, were answered so. */
async function burst(
  send: () => Promise<Answered>,
  asked: number,
): Promise<{ ok: number; throttled: number; others: string[]; seconds: number }> {
  const started = performance.now();
  const answers = await Promise.all(Array.from({ length: asked }, () => ask(send)));
  const outcomes = answers.map(({ outcome }) => outcome);
  const of = (wanted: string): number => outcomes.filter((outcome) => outcome === wanted).length;
  return {
    ok: of('ok'),
    throttled: of('ThrottlingException'),
    others: outcomes.filter((outcome) => !['ok', 'ThrottlingException'].includes(outcome)),
    seconds: (performance.now() - started) / 1000,
  };
}

describe('one worker', () => {
  test('serves as many of a burst as a second has, and refuses the others as AWS does', async () => {
    const kms = await user('one');
    const {
      ok,
      throttled: refused,
      seconds,
    } = await burst(() => kms.send(new ListAliasesCommand({})), 12);
    expect(ok).toBeGreaterThanOrEqual(5);
    expect(ok).toBeLessThanOrEqual(5 + Math.ceil(seconds * 5));
    expect(ok + refused).toBe(12);
    await burst(() => kms.send(new DescribeKeyCommand({ KeyId: 'alias/none' })), 1);
    expect(await sdkRefusal(kms.send(new DescribeKeyCommand({ KeyId: 'x' })))).toEqual(throttled);
  });

  test('counts each principal for itself, and the first rule that matches it', async () => {
    const [one, other, quick] = [await user('two'), await user('three'), await user('quick')];
    const list = (kms: KMSClient) => () => kms.send(new ListAliasesCommand({}));
    expect((await burst(list(one), 25)).throttled).toBeGreaterThan(0);
    expect(await burst(list(other), 5)).toMatchObject({ ok: 5 });
    expect(await burst(list(quick), 50)).toMatchObject({ ok: 50 });
    expect(await burst(list(alone.client()), 50)).toMatchObject({ ok: 50 });
  });

  test('counts all sessions of a role as one', async () => {
    const RoleArn = await makeRole(daemon, 'slow', { actions: ['kms:*'] });
    const sts = stsClient(daemon, await makeUserAllowed(daemon, 'assumer', 'sts:*'));
    const session = async (RoleSessionName: string): Promise<KMSClient> =>
      clientOf(alone, await assume(sts, { RoleArn, RoleSessionName }));
    const [one, another] = [await session('one'), await session('another')];
    await one.send(new ListKeysCommand({}));
    expect(await sdkRefusal(another.send(new ListKeysCommand({})))).toEqual(throttled);
  });

  test('counts what fails, is denied, or is a DryRun', async () => {
    const { id } = await createKey(daemon.client());
    const kms = await user('four');
    const unknown = 'arn:aws:kms:us-east-1:111122223333:key/00000000-0000-0000-0000-000000000000';
    const Plaintext = Buffer.from('x');
    const failing = await burst(
      () => kms.send(new EncryptCommand({ KeyId: unknown, Plaintext })),
      25,
    );
    expect(failing.ok).toBe(0);
    expect(failing.others.length).toBeGreaterThanOrEqual(5);
    expect(failing.throttled).toBeGreaterThan(0);

    const five = await user('five');
    const dry = await burst(
      () => five.send(new EncryptCommand({ KeyId: id, Plaintext, DryRun: true })),
      25,
    );
    expect(new Set(dry.others)).toEqual(new Set(['DryRunOperationException']));
    expect(dry.throttled).toBeGreaterThan(0);

    const nobody = clientOf(alone, (await newUser(daemon, 'nobody')).credentials);
    const denied = await burst(() => nobody.send(new ListAliasesCommand({})), 20);
    expect(new Set(denied.others)).toEqual(new Set(['AccessDeniedException']));
    expect(denied.throttled).toBeGreaterThan(0);
  });

  test('counts a request between keys of two kinds in both groups', async () => {
    const rsa = await createKey(daemon.client(), {
      KeySpec: 'RSA_2048',
      KeyUsage: 'ENCRYPT_DECRYPT',
    });
    const symmetric = await createKey(daemon.client());
    const { CiphertextBlob } = await daemon
      .client()
      .send(new EncryptCommand({ KeyId: symmetric.id, Plaintext: Buffer.from('x') }));
    const kms = await user('six');
    const answer = await burst(
      () =>
        kms.send(
          new ReEncryptCommand({
            CiphertextBlob,
            DestinationKeyId: rsa.id,
            DestinationEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
          }),
        ),
      10,
    );
    expect(answer.ok).toBeGreaterThanOrEqual(2);
    expect(answer.ok).toBeLessThanOrEqual(2 + Math.ceil(answer.seconds * 2));
  });

  test('records a refusal, and counts it by group', async () => {
    const kms = await user('seven');
    await ask(() => kms.send(new DescribeKeyCommand({ KeyId: 'alias/none' })));
    const before = await metricsOf(alone);
    const refused = await ask(() => kms.send(new DescribeKeyCommand({ KeyId: 'alias/none' })));
    const { requestId = '' } = refused;
    const { errorCode, errorMessage, eventName, requestParameters, readOnly } = await auditOf(
      daemon,
      requestId,
    );
    expect({ errorCode, errorMessage, eventName, requestParameters, readOnly }).toEqual({
      errorCode: throttled.code,
      errorMessage: throttled.message,
      eventName: 'DescribeKey',
      requestParameters: null,
      readOnly: true,
    });
    const name = 'claviger_throttled_requests_total{group="DescribeKey"}';
    expect((await metricsOf(alone)).get(name)).toBe((before.get(name) ?? 0) + 1);
  });

  test('lets a client of the AWS SDK wait and try again', async () => {
    const { accessKeyId, secretAccessKey } = await makeUserAllowed(daemon, 'eight', 'kms:*');
    const kms = alone.client({ credentials: { accessKeyId, secretAccessKey }, maxAttempts: 10 });
    await burst(() => kms.send(new GenerateRandomCommand({ NumberOfBytes: 1 })), 5);
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => kms.send(new GenerateRandomCommand({ NumberOfBytes: 1 }))),
    );
    expect(Math.max(...answers.map(({ $metadata }) => $metadata.attempts ?? 0))).toBeGreaterThan(1);
  });
});

describe('by REST', () => {
  test('a request too many is 429, and says after how many seconds it may come again', async () => {
    const { accessKeyId, secretAccessKey } = await makeUserAllowed(daemon, 'nine', 'kms:*');
    const credentials = { accessKeyId, secretAccessKey };
    const describeKey = (): ReturnType<typeof rest> =>
      rest(alone, 'GET /v1/keys/alias%2Fnone', undefined, { credentials });
    expect((await describeKey()).status).toBe(404);
    const { status, headers, body } = await describeKey();
    expect(status).toBe(429);
    // One in five seconds, of which less than one has passed.
    expect(['4', '5', '6']).toContain(headers['retry-after']);
    expect(body).toMatchObject({ code: throttled.code, detail: throttled.message, status: 429 });
  });

  test('requests with an API token count as those of its principal', async () => {
    const credentials = await makeUserAllowed(daemon, 'twelve', 'kms:*', 'claviger:*');
    const { text } = await makeToken(alone, { credentials });
    const line = 'GET /v1/keys/alias%2Fnone';
    const byToken = await bearing(alone, text, line);
    const bySignature = await rest(alone, line, undefined, { credentials });
    expect([byToken.status, bySignature.status]).toEqual([404, 429]);
  });

  test('each entry of a batch counts', async () => {
    const { accessKeyId, secretAccessKey } = await makeUserAllowed(daemon, 'eleven', 'kms:*');
    const credentials = { accessKeyId, secretAccessKey };
    const { id: KeyId } = await createKey(daemon.client());
    const entry = { Operation: 'Encrypt', Input: { KeyId, Plaintext: 'eA==' } };
    const Entries = Array.from({ length: 25 }, () => entry);
    const started = performance.now();
    const { body } = await rest(alone, 'POST /v1/batch', { Entries }, { credentials });
    const seconds = (performance.now() - started) / 1000;
    const { Results } = body as { Results: { Status: number; Problem?: { code: string } }[] };
    const ok = Results.filter(({ Status }) => Status === 200);
    expect(ok.length).toBeGreaterThanOrEqual(5);
    expect(ok.length).toBeLessThanOrEqual(5 + Math.ceil(seconds * 5));
    const refused = Results.filter(({ Status }) => Status === 429);
    expect(new Set(refused.map(({ Problem }) => Problem?.code))).toEqual(new Set([throttled.code]));
    expect(ok.length + refused.length).toBe(25);
  });

  test('every kind of request counts, those for API tokens too', async () => {
    const { accessKeyId, secretAccessKey } = await makeUserAllowed(daemon, 'ten', 'claviger:*');
    const credentials = { accessKeyId, secretAccessKey };
    const list = (): ReturnType<typeof rest> =>
      rest(alone, 'GET /v1/api-tokens', undefined, { credentials });
    expect([(await list()).status, (await list()).status]).toEqual([200, 429]);
  });
});

test('two workers together serve the rate, and each its part', async () => {
  const kms = Array.from({ length: 8 });
  const credentials = await makeUserAllowed(daemon, 'spread', 'kms:*');
  const clients = kms.map(() => clientOf(daemon, credentials));
  const started = performance.now();
  const load = startLoad((line) => must(clients[line]).send(new ListKeysCommand({})), { lines: 8 });
  await load.served(120);
  await load.stop();
  const seconds = (performance.now() - started) / 1000;
  const served = load.answers.filter(({ outcome }) => outcome === 'ok');
  expect(served.length).toBeLessThanOrEqual(30 + Math.ceil(seconds * 30) + 2);
  expect(Object.keys(load.counts()).sort()).toEqual(['ThrottlingException', 'ok']);
  const workers = await workersOf(served.map(({ requestId = '' }) => requestId));
  expect(workers).toHaveLength(2);
  for (const count of workers) expect(count / served.length).toBeGreaterThan(0.35);
});

function must<T>(value: T | undefined): T {
  if (value === undefined) throw new Error('there is none');
  return value;
}

/** How many of the requests each worker answered, by the log. */
async function workersOf(requestIds: readonly string[]): Promise<number[]> {
  const wanted = new Set(requestIds);
  const logged = (): TestDaemon['log'] =>
    daemon.log.filter(({ requestId }) => wanted.has(String(requestId)));
  await until('every request is logged', () => logged().length === wanted.size);
  const counts = new Map<unknown, number>();
  for (const { worker } of logged()) counts.set(worker, (counts.get(worker) ?? 0) + 1);
  return [...counts.values()];
}

test('a file with faults is named at the start, and nothing is served', async () => {
  const badFile = path.join(directory, 'bad.json');
  writeFileSync(badFile, JSON.stringify({ groups: { rsa: -1 } }));
  const starting = startDaemon({ beside: daemon, environment: { CLAVIGER_RATES_FILE: badFile } });
  await expect(starting).rejects.toThrow(
    `CLAVIGER_RATES_FILE: ${badFile}: /groups/rsa must be a number from 0.001 to 1000000, or 'unlimited'`,
  );
});
