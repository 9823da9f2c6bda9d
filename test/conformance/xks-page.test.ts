import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { provisionCertificates } from '../../scripts/dev-server/certificates';
import { type Finished, type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, commandLine, startDaemon } from '../support/daemon';
import { freePort } from '../support/free-port';
import { snippets } from '../support/snippets';
import { pasteInOrder, printedBy, readSteps } from '../support/walk-through';

jest.setTimeout(600_000);

const page = 'docs/xks.md';
const steps = readSteps(page);

describe(page, () => {
  let daemon: TestDaemon;
  let terminal: Terminal;
  let finished: Finished;

  beforeAll(async () => {
    const home = await mkdtemp(path.join(tmpdir(), 'claviger-xks-page-'));
    const { caFile, certFile, keyFile } = provisionCertificates(home);
    const port = await freePort();
    daemon = await startDaemon({
      environment: {
        // The account of scripts/dev, which the page shows.
        CLAVIGER_ACCOUNT_ID: '000000000000',
        CLAVIGER_XKS_PORT: String(port),
        CLAVIGER_XKS_TLS_CERT_FILE: certFile,
        CLAVIGER_XKS_TLS_KEY_FILE: keyFile,
        CLAVIGER_XKS_DEADLINE_MS: '15000',
      },
    });
    terminal = await openTerminal(daemon);
    const { directory } = terminal;
    const script = path.join(directory, 'scripts', 'claviger');
    const believed = path.join(directory, '.claviger', 'xks-tls', 'ca.crt');
    for (const file of [script, believed]) await mkdir(path.dirname(file));
    await copyFile(caFile, believed);
    // That of the checkout, without installing anything.
    const program = `#!/bin/sh\nexec '${process.execPath}' '${commandLine}' "$@"\n`;
    await writeFile(script, program, { mode: 0o755 });
    finished = await pasteInOrder(steps, {
      ...{ daemon, terminal },
      instead: { 'https://localhost:4600': `https://localhost:${port}` },
    });
    await rm(home, { recursive: true });
  });
  afterAll(async () => {
    await terminal.close();
    await daemon.remove();
  });

  test('can be pasted into bash from its first line to its last', () => {
    expect(finished).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test.each(steps)('prints what the page shows: $title', async ({ title }) => {
    const { seen, shown } = await printedBy(steps, title, terminal);
    expect(seen).toEqual(shown);
  });

  test('shows for AWS what bash can read', async () => {
    const forAws = snippets(page).filter(({ language }) => language === 'bash');
    const text = forAws.map(({ code }) => code).join('\n');
    expect(forAws.length).toBeGreaterThan(3);
    expect(await terminal.run('bash', ['-n', '-c', text])).toEqual({
      ...{ code: 0, stdout: '', stderr: '' },
    });
  });
});
