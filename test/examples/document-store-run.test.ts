import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmod, cp, mkdir, mkdtemp, readFile, rm, stat, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import { type DevServer, end, ready, startDevServer } from '../support/dev-server';

const root = path.resolve(__dirname, '..', '..', '..');

/** Of the data of scripts/dev, and of a checkout that is set up. */
let directory: string;
let dev: DevServer;
let running: ChildProcess | undefined;

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), 'claviger-example-'));
  // As root, Postgres runs under another account, which must pass through here.
  await chmod(directory, 0o711);
  dev = startDevServer(path.join(directory, 'data'));
  await Promise.all([ready(dev), makeCheckout()]);
});
afterAll(async () => {
  if (running) await end(running, 'SIGKILL');
  await end(dev.process, 'SIGTERM');
  await rm(directory, { recursive: true, force: true });
});

const checkout = (...names: string[]): string => path.join(directory, 'a checkout', ...names);

/** One that says of itself that it is built, for `run` builds what is not, and other tests run from that. */
async function makeCheckout(): Promise<void> {
  for (const name of ['dist', 'node_modules', 'scripts', 'examples/document-store']) {
    await mkdir(checkout(name), { recursive: true });
  }
  for (const name of ['scripts/setup.sh', 'examples/document-store/run', 'package.json']) {
    await cp(path.join(root, name), checkout(name));
  }
  await cp(path.join(root, 'package-lock.json'), checkout('package-lock.json'));
  await symlink(path.join(root, 'dist', 'examples'), checkout('dist', 'examples'));
  const stamps = '. scripts/setup.sh; modules_hash >"$stamp_modules"; build_hash >"$stamp_build"';
  await promisify(execFile)('bash', ['-c', stamps], { cwd: checkout() });
}

/** Runs it until it is ready, and gives what it printed. */
async function run(dataDir: string): Promise<string> {
  const child = spawn(checkout('examples', 'document-store', 'run'), {
    env: {
      PATH: process.env['PATH'],
      CLAVIGER_DATA_DIR: path.join(directory, dataDir),
      DOCUMENT_STORE_PORT: '0',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  running = child;
  let [output, log] = ['', ''];
  child.stdout.on('data', (chunk) => (output += String(chunk)));
  child.stderr.on('data', (chunk) => (log += String(chunk)));
  while (!output.endsWith('everything is kept.\n')) {
    if (child.exitCode !== null) throw new Error(log);
    await Promise.race([once(child.stdout, 'data'), once(child, 'close')]);
  }
  return output;
}

/** What the lines that it printed print, pasted one after the other. */
async function paste(output: string): Promise<string[]> {
  const lines = output.split('\n').filter((line) => line.startsWith('  curl '));
  const printed: string[] = [];
  for (const line of lines) {
    printed.push((await promisify(execFile)('sh', ['-c', line])).stdout);
  }
  return printed;
}

/** What its files hold, which are for their owner alone. */
const secrets = (): Promise<string[]> =>
  Promise.all(
    ['api-token', 'service.env'].map(async (name) => {
      const file = path.join(directory, 'data', 'document-store', name);
      expect((await stat(file)).mode & 0o777).toBe(0o600);
      return readFile(file, 'utf8');
    }),
  );

test('Beside a scripts/dev it makes what it needs, and the lines that it prints work; run again, it keeps all', async () => {
  const first = await run('data');
  const made = await secrets();
  const [tenant, ...documents] = await paste(first);
  expect(JSON.parse(tenant!)).toEqual({ tenant: 'acme', keyId: expect.any(String) as unknown });
  expect(documents.slice(0, 2)).toEqual(['', 'Invoice 1: 100.00']);
  expect(await end(running!, 'SIGTERM')).toBe(0);

  const [created, , read, , shredded] = await paste(await run('data'));
  expect(await secrets()).toEqual(made);
  expect(JSON.parse(created!)).toMatchObject({ code: 'TenantShredded' });
  expect(JSON.parse(read!)).toMatchObject({ code: 'TenantShredded' });
  expect(JSON.parse(shredded!)).toMatchObject({ tenant: 'acme' });
  expect(await end(running!, 'SIGINT')).toBe(0);
});

test('Without a Claviger it says what to start', async () => {
  await expect(run('none')).rejects.toThrow('yet; start scripts/dev in another shell first');
});
