import { type Finished, type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { pasteInOrder, printedBy, readSteps } from '../support/walk-through';

/** Some thirty commands of the AWS CLI, each of which starts a Python. */
jest.setTimeout(300_000);

const steps = readSteps('docs/import.md');

describe('docs/import.md', () => {
  let daemon: TestDaemon;
  let terminal: Terminal;
  let finished: Finished;
  beforeAll(async () => {
    // The account of scripts/dev, which the page shows.
    daemon = await startDaemon({ environment: { CLAVIGER_ACCOUNT_ID: '000000000000' } });
    terminal = await openTerminal(daemon);
    finished = await pasteInOrder(steps, { daemon, terminal });
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
});
