import { spawnSync } from 'node:child_process';
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  existsSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const scripts = path.resolve(__dirname, '..', '..', '..', 'scripts');
const shells = [
  ...['setup.sh', 'dev', 'test', 'test-token', 'nss', 'claviger', '../.ci/run'],
  '../examples/document-store/run',
  'docker-entrypoint.sh',
];

/** A checkout with the scripts and nothing else, in a path with a blank. */
let checkout: string;
/** The PATH in it: coreutils, and package managers that fail. */
let bin: string;

beforeEach(() => {
  checkout = path.join(mkdtempSync(path.join(tmpdir(), 'claviger-setup-')), 'a checkout');
  mkdirSync(path.join(checkout, 'scripts'), { recursive: true });
  for (const name of ['setup.sh', 'test', 'count-tests.js']) {
    cpSync(path.join(scripts, name), path.join(checkout, 'scripts', name));
  }
  bin = path.join(checkout, 'bin');
  mkdirSync(bin);
  for (const tool of [
    'bash',
    'cat',
    'dirname',
    'find',
    'flock',
    'id',
    'kill',
    'mkdir',
    'mktemp',
    'readlink',
  ])
    link(tool);
  for (const tool of ['realpath', 'rm', 'sh', 'sha256sum', 'sleep', 'sort', 'tail', 'env', 'grep'])
    link(tool);
  for (const tool of ['apt-get', 'sudo']) fake(tool, 'echo no network >&2; exit 100');
});
afterEach(() => {
  rmSync(path.dirname(checkout), { recursive: true, force: true });
});

function link(tool: string): void {
  const found = ['/usr/bin', '/bin']
    .map((folder) => path.join(folder, tool))
    .find((file) => existsSync(file));
  if (found !== undefined) symlinkSync(found, path.join(bin, tool));
}

function fake(tool: string, body: string): void {
  const file = path.join(bin, tool);
  rmSync(file, { force: true });
  writeFileSync(file, `#!/bin/sh\n${body}\n`);
  chmodSync(file, 0o755);
}

function run(command: string, options: { cwd?: string; env?: Record<string, string> } = {}) {
  const { status, stdout, stderr } = spawnSync(path.join(bin, 'bash'), ['-euc', command], {
    cwd: options.cwd ?? '/',
    env: { PATH: bin, CHECKOUT: checkout, ...options.env },
    encoding: 'utf8',
    // bash takes a socket on its standard input for a remote shell, and reads its start-up files.
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: 20_000,
  });
  return { status, stdout, stderr };
}

const source = '. "$CHECKOUT/scripts/setup.sh"';

test.each(shells)('%s is a script that its shell can parse', (name) => {
  const shell = name === 'docker-entrypoint.sh' ? 'sh' : 'bash';
  const { status, stderr } = spawnSync(shell, ['-n', path.join(scripts, name)], {
    encoding: 'utf8',
  });
  expect({ status, stderr }).toEqual({ status: 0, stderr: '' });
});

test('A bare machine lacks every package, and is told which when it cannot install them', () => {
  const { status, stderr } = run(`${source}; softhsm_library() { return 1; }; set_up_tools`);
  expect(status).toBe(1);
  expect(stderr).toContain('claviger: could not install: softhsm2 g++ make python3 openssl\n');
  expect(stderr).toContain('no network');
});

test('A Node.js that is too old or has no npm does not count', () => {
  fake('npm', 'exit 0');
  fake('node', 'exit 1');
  expect(run(`${source}; find_node && echo found || echo none`).stdout).toBe('none\n');
  symlinkNode();
  expect(run(`${source}; find_node && echo found || echo none`).stdout).toBe('found\n');
  rmSync(path.join(bin, 'npm'));
  expect(run(`${source}; find_node && echo found || echo none`).stdout).toBe('none\n');
});

test.each([
  ['0.0.1', 'yes'],
  ['20.12.0', 'yes'],
  ['99.0.0', 'no'],
])('Against a minimum of %s the Node.js of this machine is recent: %s', (minimum, answer) => {
  fake('npm', 'exit 0');
  symlinkNode();
  const { stdout } = run(
    `${source}; NODE_MINIMUM=${minimum}; node_is_recent && echo yes || echo no`,
  );
  expect(stdout).toBe(`${answer}\n`);
});

function symlinkNode(): void {
  rmSync(path.join(bin, 'node'), { force: true });
  symlinkSync(process.execPath, path.join(bin, 'node'));
}

test('The data directory is the checkout’s, or relative to where the caller stands', () => {
  const show = `${source}; use_data_dir; printf '%s\\n' "$CLAVIGER_DATA_DIR"`;
  expect(run(show).stdout).toBe(`${checkout}/.claviger\n`);
  expect(run(show, { cwd: tmpdir(), env: { CLAVIGER_DATA_DIR: 'my data' } }).stdout).toBe(
    `${tmpdir()}/my data\n`,
  );
  expect(run(show, { env: { CLAVIGER_DATA_DIR: '' } }).stdout).toBe(`${checkout}/.claviger\n`);
});

test('A step is silent about its output until it fails, and passes its exit code on', () => {
  const good = run(`${source}; step 'doing it' echo output`);
  expect(good).toEqual({ status: 0, stdout: '', stderr: 'claviger: doing it\n' });
  const bad = run(`${source}; step 'doing it' sh -c 'echo the reason; exit 7'`);
  expect(bad).toEqual({
    status: 7,
    stdout: '',
    stderr: 'claviger: doing it\nthe reason\nclaviger: failed: doing it\n',
  });
});

test('Output whose source is gone is removed, and the rest is kept', () => {
  const write = (file: string): void => {
    mkdirSync(path.join(checkout, path.dirname(file)), { recursive: true });
    writeFileSync(path.join(checkout, file), '');
  };
  const kept = ['src/a.ts', 'dist/src/a.js', 'dist/src/a.js.map'];
  const stale = ['dist/src/b.js', 'dist/src/b.js.map', 'dist/test/c.test.js'];
  [...kept, ...stale].forEach(write);
  expect(run(`${source}; remove_stale_output`).status).toBe(0);
  expect(kept.map((file) => existsSync(path.join(checkout, file)))).toEqual([true, true, true]);
  expect(stale.map((file) => existsSync(path.join(checkout, file)))).toEqual([false, false, false]);
});

test('scripts/test on a machine it cannot set up ends in a line that counts a failure', () => {
  const { status, stdout } = run('exec "$CHECKOUT/scripts/test"', { cwd: tmpdir() });
  expect(status).toBe(1);
  expect(stdout).toMatch(/^FAIL set-up$/m);
  expect(stdout.trimEnd().split('\n').at(-1)).toBe('0 passed, 1 failed');
});

test.each([
  [{ numPassedTests: 3, numFailedTests: 0, numRuntimeErrorTestSuites: 0 }, 0, '3 0'],
  [{ numPassedTests: 3, numFailedTests: 2, numRuntimeErrorTestSuites: 1 }, 1, '3 3'],
  [{ numPassedTests: 3, numFailedTests: 0, numRuntimeErrorTestSuites: 0 }, 1, '3 1'],
  [{ numPassedTests: 0, numFailedTests: 0, numRuntimeErrorTestSuites: 0 }, 0, '0 1'],
])('jest results %j with exit code %d count as %s', (results, exitCode, expected) => {
  const file = path.join(checkout, 'jest.json');
  writeFileSync(file, JSON.stringify(results));
  const { stdout } = spawnSync(
    process.execPath,
    [path.join(scripts, 'count-tests.js'), file, String(exitCode)],
    {
      encoding: 'utf8',
    },
  );
  expect(stdout).toBe(`${expected}\n`);
});

test('the ten slowest test files are named with their seconds', () => {
  const file = path.join(checkout, 'jest.json');
  const testResults = Array.from({ length: 12 }, (_, n) => ({
    name: path.join(checkout, 'dist', 'test', `${n}.test.js`),
    startTime: 1000,
    endTime: 1000 + n * 1500,
  }));
  writeFileSync(file, JSON.stringify({ testResults }));
  const { stdout } = spawnSync(process.execPath, [path.join(scripts, 'slowest-tests.js'), file], {
    cwd: checkout,
    encoding: 'utf8',
  });
  const [title, ...lines] = stdout.trimEnd().split('\n');
  expect(title).toBe('The slowest test files, in seconds:');
  expect(lines).toHaveLength(10);
  expect([lines[0], lines[9]]).toEqual(['   16.5  test/11.test.js', '    3.0  test/2.test.js']);
});
