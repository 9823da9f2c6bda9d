import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { type Finished, type Terminal, openTerminal } from '../support/aws-cli';
import { issueCertificate, makeAuthority } from '../support/certificates';
import { type TestDaemon, commandLine, startDaemon } from '../support/daemon';
import { freePort } from '../support/free-port';
import { snippets } from '../support/snippets';
import { pasteInOrder, printedBy, readSteps } from '../support/walk-through';

jest.setTimeout(600_000);

const page = 'docs/xks.md';
const steps = readSteps(page);
const forAws = snippets(page).filter(({ language }) => language === 'bash');

/** As long as a busy machine needs: the page is not about deadlines. */
const patience = 15_000;

let home: string;
let daemon: TestDaemon;
let terminal: Terminal;
let port: number;

beforeAll(async () => {
  home = await mkdtemp(path.join(tmpdir(), 'claviger-xks-page-'));
  const authority = makeAuthority(home, 'ca');
  const { certFile, keyFile } = issueCertificate(authority, home, {
    name: 'xks.example.com',
    extensions: [
      'subjectAltName=DNS:xks.example.com,DNS:localhost,IP:127.0.0.1',
      'extendedKeyUsage=serverAuth',
    ],
  });
  port = await freePort();
  const keyStores = path.join(home, 'key-stores.json');
  const proxy = {
    ...{ connectTo: `127.0.0.1:${port}`, caFile: authority.certFile },
    deadlineMs: patience,
  };
  await writeFile(keyStores, JSON.stringify({ proxies: { 'xks.example.com': proxy } }));
  daemon = await startDaemon({
    environment: {
      // The account of scripts/dev, which the page shows.
      CLAVIGER_ACCOUNT_ID: '000000000000',
      CLAVIGER_XKS_PORT: String(port),
      CLAVIGER_XKS_TLS_CERT_FILE: certFile,
      CLAVIGER_XKS_TLS_KEY_FILE: keyFile,
      CLAVIGER_XKS_DEADLINE_MS: String(patience),
      CLAVIGER_KEY_STORES_FILE: keyStores,
    },
  });
  terminal = await openTerminal(daemon);
  const script = path.join(terminal.directory, 'scripts', 'claviger');
  const believed = path.join(terminal.directory, '.claviger', 'xks-tls', 'ca.crt');
  for (const file of [script, believed]) await mkdir(path.dirname(file));
  await copyFile(authority.certFile, believed);
  // That of the checkout, without installing anything.
  const program = `#!/bin/sh\nexec '${process.execPath}' '${commandLine}' "$@"\n`;
  await writeFile(script, program, { mode: 0o755 });
});
afterAll(async () => {
  await terminal.close();
  await daemon.remove();
  await rm(home, { recursive: true });
});

describe(`${page}, on one machine`, () => {
  let finished: Finished;
  beforeAll(async () => {
    finished = await pasteInOrder(steps, {
      ...{ daemon, terminal },
      instead: { 'https://localhost:4600': `https://localhost:${port}` },
    });
  });

  test('can be pasted into bash from its first line to its last', () => {
    expect(finished).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test.each(steps)('prints what the page shows: $title', async ({ title }) => {
    const { seen, shown } = await printedBy(steps, title, terminal);
    expect(seen).toEqual(shown);
  });
});

describe(`${page}, for AWS`, () => {
  test('is what bash can read', async () => {
    const text = forAws.map(({ code }) => code).join('\n');
    const finished = await terminal.run('bash', ['-n', '-c', text]);
    expect(finished).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test('makes, connects and uses a key store, with Claviger in the place of AWS KMS', async () => {
    const { configFile, credentialsFile } = terminalFiles(terminal);
    const blocks = forAws.filter(({ heading }) => heading === 'The key store in AWS');
    const functions = snippets(page).find(({ code }) => code.includes('\nmember() {'));
    const script = [
      'set -e',
      'claviger() { scripts/claviger "$@"; }',
      `aws() { command aws --endpoint-url '${daemon.endpoint}' "$@"; }`,
      ...(/^member\(\) .*$/m.exec(functions?.code ?? '') ?? []),
      ...blocks.map(({ code }) => code.replace('sleep 10', 'sleep 0.1')),
    ].join('\n');
    const finished = await terminal.run('bash', ['--norc', '-c', script], {
      ...daemon.environment,
      AWS_CONFIG_FILE: configFile,
      AWS_SHARED_CREDENTIALS_FILE: credentialsFile,
    });
    expect(finished).toMatchObject({ code: 0, stderr: '' });
    expect(finished.stdout).toMatch(/^CONNECTED\tNone$/m);
    expect(finished.stdout).toMatch(/^the credential [A-Z2-7]{26} is DISABLED$/m);
    expect(finished.stdout).toMatch(/^arn:aws:kms:us-east-1:000000000000:key\/[0-9a-f-]{36}\n$/m);
  });
});

function terminalFiles({ directory }: Terminal): { configFile: string; credentialsFile: string } {
  const of = (name: string): string => path.join(directory, '.claviger', name);
  return { configFile: of('aws-config'), credentialsFile: of('credentials') };
}
