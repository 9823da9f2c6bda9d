import { execFileSync } from 'node:child_process';
import type { EncryptCommandOutput } from '@aws-sdk/client-kms';
import { rename, rm, mkdtemp, writeFile } from 'node:fs/promises';
import { Agent } from 'node:https';
import { readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { connect } from 'node:tls';
import { type CertificateFiles, makeCertificate } from '../support/certificates';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type SealedKey, createSealedKey, encrypt } from '../support/keys';
import { ask, startLoad } from '../support/load';
import { childrenOf } from '../support/processes';
import { until } from '../support/until';

/** Sends SIGHUP and waits until the log says that every worker was replaced. */
async function reload(daemon: TestDaemon): Promise<number> {
  const replaced = (): number =>
    daemon.log.filter(({ message }) => message === 'every worker was replaced').length;
  const before = replaced();
  const asked = performance.now();
  daemon.process.kill('SIGHUP');
  await until('every worker was replaced', () => replaced() > before, 60_000);
  return performance.now() - asked;
}

describe.each([1, 2])('SIGHUP with %i workers', (workers) => {
  let daemon: TestDaemon;
  let key: SealedKey;
  beforeAll(async () => {
    daemon = await startDaemon({ workers });
    key = await createSealedKey(daemon.client());
  });
  afterAll(() => daemon.remove());

  test('replaces every worker, and no request of keep-alive clients that repeat nothing fails', async () => {
    // One client a line: each has connections of its own, some of them busy and some idle most of the time.
    const clients = Array.from({ length: 8 }, () => daemon.client());
    const send = (line: number): Promise<EncryptCommandOutput> =>
      (clients[line] ?? daemon.client()).send(encrypt(key.keyId));
    const busy = startLoad(send, { lines: 4, pauseMs: 0 });
    const calm = startLoad((line) => send(4 + line), { lines: 4, pauseMs: 300 });
    await busy.served(50);
    for (let round = 0; round < 2; round += 1) {
      const before = childrenOf(daemon.process.pid);
      const milliseconds = await reload(daemon);
      const after = childrenOf(daemon.process.pid);
      expect(after).toHaveLength(workers);
      expect(after.filter((pid) => before.includes(pid))).toEqual([]);
      process.stdout.write(`${workers} workers replaced in ${Math.round(milliseconds)} ms\n`);
    }
    await Promise.all([busy.served(50), calm.served(4)]);
    await Promise.all([busy.stop(), calm.stop()]);
    process.stdout.write(
      `busy ${JSON.stringify(busy.counts())}, calm ${JSON.stringify(calm.counts())}\n`,
    );
    expect(Object.keys(busy.counts())).toEqual(['ok']);
    expect(Object.keys(calm.counts())).toEqual(['ok']);
  });

  test('sent three times in a row is done, and leaves the right number of workers', async () => {
    const before = childrenOf(daemon.process.pid);
    for (let i = 0; i < 3; i += 1) daemon.process.kill('SIGHUP');
    await reload(daemon);
    await until('the right number serve, none of them an old one', () => {
      const now = childrenOf(daemon.process.pid);
      return now.length === workers && !now.some((pid) => before.includes(pid));
    });
    expect(await ask(() => daemon.client().send(encrypt(key.keyId)))).toMatchObject({
      outcome: 'ok',
    });
  });
});

describe('a TLS listener', () => {
  let daemon: TestDaemon;
  let home: string;
  let served: CertificateFiles;
  const known: string[] = [];
  beforeAll(async () => {
    home = await mkdtemp(path.join(tmpdir(), 'claviger-tls-'));
    served = await install('first');
    daemon = await startDaemon({
      workers: 2,
      environment: {
        CLAVIGER_TLS_CERT_FILE: served.certFile,
        CLAVIGER_TLS_KEY_FILE: served.keyFile,
      },
    });
  });
  afterAll(async () => {
    await daemon.remove();
    await rm(home, { recursive: true, force: true });
  });

  /** Makes a certificate and moves it to where the daemon reads it. */
  async function install(name: string): Promise<CertificateFiles> {
    const made = makeCertificate(home, name);
    known.push(readFileSync(made.certFile, 'utf8'));
    const place = {
      certFile: path.join(home, 'server.pem'),
      keyFile: path.join(home, 'server.key.pem'),
    };
    await rename(made.keyFile, place.keyFile);
    await rename(made.certFile, place.certFile);
    return place;
  }

  function client(): ReturnType<TestDaemon['client']> {
    return daemon.client({
      requestHandler: { httpsAgent: new Agent({ ca: known, maxSockets: 4 }) },
    });
  }

  /** The names in the certificates that a few new connections are served: each worker gets some. */
  async function servedNames(): Promise<Set<string>> {
    const names = new Set<string>();
    for (let i = 0; i < 6; i += 1) {
      names.add(
        await new Promise<string>((resolve, reject) => {
          const socket = connect({ host: '127.0.0.1', port: daemon.port, ca: known }, () => {
            resolve(String(socket.getPeerCertificate().subject.CN));
            socket.destroy();
          });
          socket.once('error', reject);
        }),
      );
    }
    return names;
  }

  test('serves https, TLS 1.2 and later, and nothing in the clear', async () => {
    expect(daemon.endpoint).toMatch(/^https:/);
    const key = await createSealedKey(client());
    expect(await ask(() => client().send(encrypt(key.keyId)))).toMatchObject({ status: 200 });
    await expect(fetch(`http://127.0.0.1:${daemon.port}/healthz`)).rejects.toThrow('fetch failed');
    expect(() =>
      execFileSync(
        'openssl',
        [
          's_client',
          '-connect',
          `127.0.0.1:${daemon.port}`,
          '-tls1_1',
          '-cipher',
          'ALL:@SECLEVEL=0',
        ],
        {
          input: '',
          stdio: 'pipe',
        },
      ),
    ).toThrow('alert protocol version');
  });

  test('takes a new certificate when the files change, under load, without a failure', async () => {
    const { keyId } = await createSealedKey(client());
    const workers = childrenOf(daemon.process.pid);
    const kms = client();
    const load = startLoad(() => kms.send(encrypt(keyId)));
    await load.served(10);
    await install('second');
    await until(
      'every worker serves the second',
      async () => [...(await servedNames())].join() === 'second',
    );
    await load.served(10);
    await load.stop();
    expect(load.counts()).toEqual({ ok: load.answers.length });
    expect(childrenOf(daemon.process.pid)).toEqual(workers);
  });

  test('keeps the old one when the new one is bad, and SIGHUP takes a good one up', async () => {
    await writeFile(served.certFile, 'no certificate');
    await until(
      'both workers refused it',
      () =>
        daemon.log.filter(
          ({ message }) => message === 'the new TLS certificate is bad, the old one is kept',
        ).length >= 2,
    );
    expect(await servedNames()).toEqual(new Set(['second']));
    daemon.process.kill('SIGHUP');
    await until('SIGHUP was refused too', () =>
      daemon.log.some(
        ({ message }) => message === 'a new worker cannot start; the old ones serve on',
      ),
    );
    expect(await servedNames()).toEqual(new Set(['second']));
    await install('third');
    await reload(daemon);
    expect(await servedNames()).toEqual(new Set(['third']));
  });
});
