import { type ChildProcess, execFile } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { get } from 'node:https';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { type DevServer, end, ready, startDevServer } from '../../support/dev-server';
import { until } from '../../support/until';

let dataDir: string;
let running: ChildProcess | undefined;
beforeEach(() => {
  dataDir = mkdtempSync(path.join(tmpdir(), 'claviger-dev-'));
  chmodSync(dataDir, 0o711);
});
afterEach(async () => {
  if (running !== undefined) await end(running, 'SIGKILL');
  rmSync(dataDir, { recursive: true, force: true });
});

function start(env: Readonly<Record<string, string>> = {}): DevServer {
  const dev = startDevServer(dataDir, env);
  running = dev.process;
  return dev;
}

/** What an XKS client gets that believes our authority and nobody else; `host` as the certificate must have it. */
function ping(url: string, host: string): Promise<string> {
  const ca = read('xks-tls/ca.crt');
  const { port } = new URL(url);
  return new Promise((resolve, reject) => {
    const req = get({ host, port, path: '/ping', ca, agent: false }, (res) => {
      res.setEncoding('utf8').on('data', (text) => resolve(`${res.statusCode} ${text}`));
    });
    req.on('error', reject);
  });
}

const xksUrlOf = (dev: DevServer): string =>
  /^ {2}curl --cacert \S+ (https:\S+)\/ping$/m.exec(dev.output())?.[1] ?? 'none';

/** What the command for the REST API prints, as it was printed itself; and its status. */
async function listedBy(dev: DevServer): Promise<string> {
  await until('the command is there', () => / {2}curl -H .*\n/.test(dev.output()));
  const command = /^ {2}(curl -H .*)$/m.exec(dev.output())?.[1] ?? 'false';
  const shell = ['-c', `${command} -s -w '%{http_code}'`];
  return (await promisify(execFile)('sh', shell)).stdout;
}

const read = (name: string): string => readFileSync(path.join(dataDir, name), 'utf8');

test('It serves, says so once, leaves private files, prints no secret, and ends with 0', async () => {
  const dev = start();
  const url = await ready(dev);
  expect((await fetch(`${url}/readyz`)).status).toBe(200);
  expect(read('aws-config')).toContain(`endpoint_url = ${url}\n`);
  expect(read('credentials')).toMatch(
    /^\[default\]\naws_access_key_id = \w{20}\naws_secret_access_key = \S{40}\n$/,
  );
  for (const host of ['127.0.0.1', 'localhost']) {
    expect(await ping(xksUrlOf(dev), host)).toBe('200 pong');
  }
  const keys = ['xks-tls/ca.key', 'xks-tls/server.key'];
  expect(read('xks-endpoint')).toBe(`${xksUrlOf(dev)}\n`);
  const tokens = ['api-token', 'api-token.header'];
  expect(await listedBy(dev)).toMatch(/^\{"Keys":\[\]\}200$/);
  const files = ['credentials', 'claviger.env', 'aws-config', 'token/pin', ...tokens, ...keys];
  for (const name of files) {
    expect([name, statSync(path.join(dataDir, name)).mode & 0o777]).toEqual([name, 0o600]);
  }
  expect(await end(dev.process, 'SIGINT')).toBe(0);
  expect(dev.output().match(/is ready at/g)).toHaveLength(1);
  expect(dev.output()).toMatch(/^claviger is ready at /);
  await expect(fetch(`${url}/readyz`)).rejects.toThrow('fetch failed');
  const secret = /secret_access_key = (\S+)/.exec(read('credentials'))?.[1] ?? '';
  for (const hidden of [
    secret,
    read('token/pin'),
    read('token/so-pin'),
    read('postgres/password'),
    read('api-token'),
  ]) {
    expect(hidden.length).toBeGreaterThan(20);
    expect(dev.output() + dev.log()).not.toContain(hidden.trim());
  }
});

test('Killed outright it takes daemon and database with it; run again it keeps what it made', async () => {
  const first = start();
  const url = await ready(first);
  const certificates = ['xks-tls/ca.crt', 'xks-tls/server.crt'];
  const made = ['credentials', 'api-token', 'token/serial', 'token/pin', ...certificates];
  const kept = made.map(read);
  await end(first.process, 'SIGKILL');
  await refuses(url);

  const second = start({ CLAVIGER_PORT: new URL(url).port });
  expect(await ready(second)).toBe(url);
  expect(made.map(read)).toEqual(kept);
  // Nobody asked for the port after it, which may be taken; then it is another.
  expect(await ping(xksUrlOf(second), 'localhost')).toBe('200 pong');
  expect(await end(second.process, 'SIGTERM')).toBe(0);

  rmSync(path.join(dataDir, 'credentials'));
  writeFileSync(path.join(dataDir, 'api-token'), 'clv_of_another_database\n');
  const third = start();
  await ready(third);
  expect(await listedBy(third)).toMatch(/^\{"Keys":\[\]\}200$/);
  expect(third.log()).toContain(
    `claviger: ${dataDir}/credentials is missing and its secret cannot be shown again`,
  );
  expect(read('credentials')).not.toBe(kept[0]);
  expect(await end(third.process, 'SIGTERM')).toBe(0);
});

test('A port that is taken is an error that names it, before anything is started', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const dev = start({ CLAVIGER_PORT: String(port) });
  await once(dev.process, 'close');
  holder.close();
  expect(dev.process.exitCode).toBe(1);
  expect(dev.log()).toBe(
    `claviger: port ${port} of 127.0.0.1 is in use; set CLAVIGER_PORT to another one\n`,
  );
  expect(() => read('token/serial')).toThrow('ENOENT');
});

test('A port of the XKS proxy that is taken is an error where it was asked for, and else another is taken', async () => {
  const holder = createServer().listen(0, '127.0.0.1');
  await once(holder, 'listening');
  const { port } = holder.address() as AddressInfo;
  const asked = start({ CLAVIGER_XKS_PORT: String(port) });
  await once(asked.process, 'close');
  expect(asked.process.exitCode).toBe(1);
  expect(asked.log()).toBe(
    `claviger: port ${port} of 127.0.0.1 is in use; set CLAVIGER_XKS_PORT to another one\n`,
  );
  const other = start({ CLAVIGER_PORT: String(port - 1) });
  await ready(other);
  holder.close();
  expect(other.log()).toContain(
    `claviger: port ${port} is not free: the XKS proxy takes any that is; CLAVIGER_XKS_PORT names one\n`,
  );
  expect(await ping(xksUrlOf(other), 'localhost')).toBe('200 pong');
  expect(await end(other.process, 'SIGTERM')).toBe(0);
});

test('A setting that cannot be used is an error that names the variable', async () => {
  const dev = start({ CLAVIGER_ACCOUNT_ID: '12' });
  await once(dev.process, 'close');
  expect(dev.process.exitCode).toBe(1);
  expect(dev.log()).toBe('claviger: CLAVIGER_ACCOUNT_ID must match pattern "^[0-9]{12}$"\n');
});

/** Resolves when nobody listens there any more. */
async function refuses(url: string): Promise<void> {
  for (;;) {
    try {
      await fetch(`${url}/healthz`);
    } catch {
      return;
    }
    await delay(20);
  }
}
