import { Agent } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { UpdateAccessKeyCommand } from '@aws-sdk/client-iam';
import {
  CancelKeyDeletionCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  type EncryptCommandOutput,
  type KMSClient,
  ScheduleKeyDeletionCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient } from '../support/iam-client';
import { type SealedKey, createSealedKey, encrypt } from '../support/keys';
import { type Answer, type Load, ask, startLoad } from '../support/load';
import { administer } from '../support/postgres';
import { childrenOf } from '../support/processes';
import { makeUserAllowed } from '../support/sts-client';
import { until } from '../support/until';

const lines = 4;

/** How long a change waits for a worker: none that can acknowledge takes as long, however much the machine has to do. */
const patientMs = 15_000;

/** For one that cannot. Its lease must not have ended before it is stopped, and is waited for. */
const unheardMs = 3000;

let daemon: TestDaemon;
let key: SealedKey;
let clients: KMSClient[];

const oneConnection = (): { requestHandler: { httpAgent: Agent } } => ({
  requestHandler: { httpAgent: new Agent({ keepAlive: true, maxSockets: 1 }) },
});
const hammer = (): Load => startLoad(send, { lines, pauseMs: 0 });
const send = (line: number): Promise<EncryptCommandOutput> =>
  (clients[line] ?? daemon.client()).send(encrypt(key.keyId));
const successesAfter = (load: Load, moment: number): Answer[] =>
  load.answers.filter(({ outcome, sentAt }) => outcome === 'ok' && sentAt > moment);
const unacknowledged = (): number =>
  daemon.log.filter(({ message }) =>
    String(message).startsWith('a change was not acknowledged in time'),
  ).length;

function useDaemon(waitMs: number): void {
  beforeAll(async () => {
    const environment = { CLAVIGER_REVOCATION_WAIT_MS: String(waitMs) };
    daemon = await startDaemon({ workers: 2, environment });
    key = await createSealedKey(daemon.client());
    // One kept connection each; the primary deals connections out in turn, so each worker has two.
    clients = Array.from({ length: lines }, () => daemon.client(oneConnection()));
  });
  afterAll(() => daemon.remove());
}

describe('revocation with two workers', () => {
  useDaemon(patientMs);

  test('twenty times: no Encrypt that starts after DisableKey was answered succeeds, on any worker', async () => {
    const control = daemon.client();
    for (let round = 0; round < 20; round += 1) {
      const load = hammer();
      await load.served(lines * 3);
      await control.send(new DisableKeyCommand({ KeyId: key.keyId }));
      const answered = performance.now();
      await until('every connection was refused', () => {
        const refused = load.answers.filter(({ sentAt }) => sentAt > answered);
        return refused.length >= lines * 3;
      });
      await load.stop();
      expect(successesAfter(load, answered)).toEqual([]);
      expect(Object.keys(load.counts()).sort()).toEqual(['DisabledException', 'ok']);
      await control.send(new EnableKeyCommand({ KeyId: key.keyId }));
    }
    expect(unacknowledged()).toBe(0);
  });

  test('ten times: no Encrypt that starts after ScheduleKeyDeletion was answered succeeds, on any worker', async () => {
    const control = daemon.client();
    const KeyId = key.keyId;
    for (let round = 0; round < 10; round += 1) {
      const load = hammer();
      await load.served(lines * 3);
      await control.send(new ScheduleKeyDeletionCommand({ KeyId }));
      const answered = performance.now();
      await until('every connection was refused', () => {
        return load.answers.filter(({ sentAt }) => sentAt > answered).length >= lines * 3;
      });
      await load.stop();
      expect(successesAfter(load, answered)).toEqual([]);
      expect(Object.keys(load.counts()).sort()).toEqual(['KMSInvalidStateException', 'ok']);
      await control.send(new CancelKeyDeletionCommand({ KeyId }));
      expect((await ask(() => send(0))).outcome).toBe('DisabledException');
      await control.send(new EnableKeyCommand({ KeyId }));
    }
    expect(unacknowledged()).toBe(0);
  });

  test('an access key that UpdateAccessKey made inactive is refused on every connection from then on', async () => {
    const credentials = await makeUserAllowed(daemon, 'retired', 'kms:Encrypt');
    const own = Array.from({ length: lines }, () =>
      daemon.client({ credentials, ...oneConnection() }),
    );
    const load = startLoad((line) => (own[line] ?? daemon.client()).send(encrypt(key.keyId)), {
      lines,
      pauseMs: 0,
    });
    await load.served(20);
    await iamClient(daemon).send(
      new UpdateAccessKeyCommand({
        ...{ UserName: 'retired', AccessKeyId: credentials.accessKeyId, Status: 'Inactive' },
      }),
    );
    const answered = performance.now();
    await until('every connection was refused', () => {
      return load.answers.filter(({ sentAt }) => sentAt > answered).length >= lines * 3;
    });
    await load.stop();
    expect(successesAfter(load, answered)).toEqual([]);
    expect(load.answers.at(-1)).toMatchObject({
      outcome: 'UnrecognizedClientException',
      status: 400,
      message: 'The security token included in the request is invalid.',
    });
  });

  test('a second DisableKey, which changes nothing, waits for the acknowledgements of the first', async () => {
    const control = daemon.client();
    for (let round = 0; round < 10; round += 1) {
      const load = hammer();
      await load.served(lines * 3);
      const first = control.send(new DisableKeyCommand({ KeyId: key.keyId }));
      const answered = await Promise.race(
        [first, control.send(new DisableKeyCommand({ KeyId: key.keyId }))].map((sent) =>
          sent.then(() => performance.now()),
        ),
      );
      await first;
      await until('every connection was refused', () => {
        return load.answers.filter(({ sentAt }) => sentAt > answered).length >= lines * 3;
      });
      await load.stop();
      expect(successesAfter(load, answered)).toEqual([]);
      await control.send(new EnableKeyCommand({ KeyId: key.keyId }));
    }
  });
});

describe('revocation that a worker cannot acknowledge', () => {
  useDaemon(unheardMs);

  test('because its listener is cut: it serves nothing revoked, though it was not told', async () => {
    const control = daemon.client();
    for (let round = 0; round < 5; round += 1) {
      const load = hammer();
      await load.served(lines * 3);
      await administer(
        daemon.databaseUrl,
        `select pg_terminate_backend(pid) from pg_stat_activity
          where datname = current_database() and application_name like 'claviger-listener/%'`,
      );
      const asked = performance.now();
      await control.send(new DisableKeyCommand({ KeyId: key.keyId }));
      const answered = performance.now();
      await until('every connection was refused', () => {
        return load.answers.filter(({ sentAt }) => sentAt > answered).length >= lines * 3;
      });
      await load.stop();
      expect(successesAfter(load, answered)).toEqual([]);
      // Whose own listener was cut may have to wait until the leases end, and not for ever.
      expect(answered - asked).toBeLessThan(unheardMs + patientMs);
      await control.send(new EnableKeyCommand({ KeyId: key.keyId }));
    }
  });

  test('because it is frozen is held up for a bounded time, and it serves nothing stale when it wakes', async () => {
    const load = hammer();
    await load.served(lines * 5);
    await load.stop();
    const [frozen] = childrenOf(daemon.process.pid) as [number];
    const waiting: Promise<Answer>[] = [];
    process.kill(frozen, 'SIGSTOP');
    try {
      const asked = performance.now();
      const disabled = await disableOnTheOther();
      const took = performance.now() - asked;
      expect(disabled.outcome).toBe('ok');
      process.stdout.write(`DisableKey beside a frozen worker: ${Math.round(took)} ms\n`);
      // Until the lease of the frozen worker ended, and not for ever.
      expect(took).toBeLessThan(unheardMs + patientMs);
      await until('the log says so', () => unacknowledged() > 0);
      // Sent on kept connections: those of the frozen worker lie in its sockets until it wakes.
      waiting.push(...clients.map((_, line) => ask(() => send(line))));
      await delay(200);
    } finally {
      process.kill(frozen, 'SIGCONT');
    }
    const woken = await Promise.all(waiting);
    expect(woken.map(({ outcome }) => outcome)).toEqual(clients.map(() => 'DisabledException'));
    await daemon.client().send(new EnableKeyCommand({ KeyId: key.keyId }));
  });

  /** New connections are dealt out in turn; one that the frozen worker got gives no answer. */
  async function disableOnTheOther(): Promise<Answer> {
    const attempts = Array.from({ length: 4 }, () =>
      ask(() => daemon.client().send(new DisableKeyCommand({ KeyId: key.keyId }))),
    );
    const first = await Promise.race(attempts);
    void Promise.allSettled(attempts);
    return first;
  }
});
