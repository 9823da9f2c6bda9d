import { type TestDaemon, startDaemon } from '../support/daemon';
import { type SealedKey, createSealedKey, encrypt, open, plaintext } from '../support/keys';
import { startLoad } from '../support/load';
import { tokenIsLost } from '../support/outage';
import { childrenOf } from '../support/processes';
import { until } from '../support/until';

describe('a token that vanishes under load and comes back', () => {
  let daemon: TestDaemon;
  let key: SealedKey;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2 });
    key = await createSealedKey(daemon.client());
  });
  afterAll(() => daemon.remove());

  const readiness = async (): Promise<{ status: number; body: unknown }> => {
    const response = await fetch(`${daemon.endpoint}/readyz`);
    return { status: response.status, body: await response.json() };
  };

  test('is answered with errors of AWS, told by /readyz, and taken up again by the same processes', async () => {
    const kms = daemon.client();
    const workers = childrenOf(daemon.process.pid);
    expect(workers).toHaveLength(2);
    const load = startLoad(() => kms.send(encrypt(key.keyId)));
    await load.served(20);
    await daemon.token.moveAway();
    await until('requests fail', () => (load.counts()['KMSInternalException'] ?? 0) >= 20);
    await until('/readyz says no', async () => (await readiness()).status === 503);
    expect((await readiness()).body).toEqual({ status: 'unavailable', failing: ['token'] });
    await tokenIsLost(daemon);

    await daemon.token.restore();
    const back = performance.now();
    await until('/readyz says yes', async () => (await readiness()).status === 200);
    // Each of the two workers found the token by itself: no request fails any more, on either.
    await until('both recovered', () => recoveries() === 2);
    const resumed = performance.now() - back;
    await load.served(50);
    await load.stop();

    const failed = load.answers.filter(({ outcome }) => outcome !== 'ok');
    expect(failed.filter(({ sentAt }) => sentAt > back + resumed)).toEqual([]);
    for (const answer of failed) {
      expect(answer).toMatchObject({
        status: 500,
        requestId: expect.stringMatching(/^[0-9a-f-]{36}$/) as unknown,
      });
      expect(['KMSInternalException', 'DependencyTimeoutException']).toContain(answer.outcome);
    }
    expect(childrenOf(daemon.process.pid)).toEqual(workers);
    process.stdout.write(`token back: served again after ${Math.round(resumed)} ms\n`);
  });

  function recoveries(): number {
    return daemon.log.filter(({ message }) => message === 'token recovered').length;
  }

  test('has lost nothing: what was sealed before is opened, and new keys are made', async () => {
    const kms = daemon.client();
    expect(await open(kms, key.blob)).toEqual(plaintext);
    const next = await createSealedKey(kms);
    expect(await open(kms, next.blob)).toEqual(plaintext);
  });
});
