import { Client } from 'pg';
import { metricsOf } from '../support/metrics';
import { until } from '../support/until';
import type { XksCaller } from '../support/xks-client';
import { encryptBody, lateAnswer, refused } from '../support/xks-requests';
import { type XksTarget, makeKey, makeStore, startTarget } from '../support/xks-target';

/** A daemon that has little time for an answer, and a database that hangs (xks-proxy §1.14). */
let target: XksTarget;
let kms: XksCaller;

beforeAll(async () => {
  target = await startTarget({ CLAVIGER_XKS_DEADLINE_MS: '200' });
  kms = await makeStore(target, 'hurried');
  await makeKey(target, kms, 'one');
});
afterAll(async () => {
  kms.close();
  await target.remove();
});

const encrypt = () =>
  kms.call('keys/one/encrypt', encryptBody({ plaintext: Buffer.from('sealed') }));
const encrypts = () => until('it encrypts in time', async () => (await encrypt()).status === 200);

test('An answer comes in time although its record cannot be written, and tells nothing but that', async () => {
  await encrypts();
  const client = new Client({ connectionString: target.daemon?.databaseUrl });
  await client.connect();
  try {
    await client.query('begin');
    await client.query('lock table audit_record in access exclusive mode');
    const started = performance.now();
    expect(refused(await encrypt())).toEqual(lateAnswer);
    // The statement that waits may take 15 seconds.
    expect(performance.now() - started).toBeLessThan(10_000);
  } finally {
    await client.end();
  }
  await encrypts();
  if (target.daemon === undefined) throw new Error('it is not a daemon of our own');
  const late = `claviger_xks_requests_total{prefix="${kms.prefix}",operation="Encrypt",outcome="DependencyTimeoutException"}`;
  expect((await metricsOf(target.daemon)).get(late)).toBeGreaterThan(0);
});
