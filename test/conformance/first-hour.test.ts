import { mkdir, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Finished, type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, commandLine, startDaemon } from '../support/daemon';
import { freePort } from '../support/free-port';
import { auditTexts } from '../support/kms';
import { pasteInOrder, printedBy, readSteps } from '../support/walk-through';

/** Some hundred commands of the AWS CLI, each of which starts a Python. */
jest.setTimeout(600_000);

const steps = readSteps('docs/first-hour.md');

describe('The first hour', () => {
  let daemon: TestDaemon;
  let terminal: Terminal;
  let finished: Finished;

  beforeAll(async () => {
    // The account of scripts/dev, which the page shows.
    daemon = await startDaemon({ environment: { CLAVIGER_ACCOUNT_ID: '000000000000' } });
    terminal = await openTerminal(daemon);
    const script = path.join(terminal.directory, 'scripts', 'claviger');
    await mkdir(path.dirname(script));
    // That of the checkout, without installing anything.
    const program = `#!/bin/sh\nexec '${process.execPath}' '${commandLine}' "$@"\n`;
    await writeFile(script, program, { mode: 0o755 });
    finished = await pasteInOrder(steps, {
      ...{ daemon, terminal },
      instead: { 'issuer_port=4601': `issuer_port=${await freePort()}` },
      // The page ends its issuer in its last block, which is not reached when a block cannot be read.
      before: `pid_file=$PWD/.claviger/first-hour/issuer.pid
trap '[ ! -f "$pid_file" ] || kill "$(cat "$pid_file")"' EXIT`,
    });
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

  test('leaves an audit record of every request, refused ones too', async () => {
    const refused = steps.flatMap(({ printed }) => printed.match(/^An error occurred/gm) ?? []);
    const records = await auditTexts(daemon);
    const errors = records.filter((text) => 'errorCode' in (JSON.parse(text) as object));
    expect(errors).toHaveLength(refused.length);
  });
});
