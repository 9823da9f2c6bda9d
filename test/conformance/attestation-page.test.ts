import path from 'node:path';
import { type Finished, type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { pasteInOrder, printedBy, readSteps } from '../support/walk-through';

/** Some commands of the AWS CLI, each of which starts a Python, and two daemons. */
jest.setTimeout(180_000);

const steps = readSteps('docs/attestation.md');
/** The page has the daemon started again between its two parts. */
const parts = [
  steps.filter(({ title }) => title.startsWith('An attester of your own')),
  steps.filter(({ title }) => !title.startsWith('An attester of your own')),
] as const;

describe('docs/attestation.md', () => {
  const daemons: TestDaemon[] = [];
  const terminals: Terminal[] = [];
  const finished: Finished[] = [];
  beforeAll(async () => {
    // The account of scripts/dev, which the page shows.
    const account = { CLAVIGER_ACCOUNT_ID: '000000000000' };
    const first = await startDaemon({ environment: account });
    daemons.push(first);
    const terminal = await openTerminal(first);
    terminals.push(terminal);
    finished.push(await pasteInOrder(parts[0], { daemon: first, terminal }));
    const rootsFile = path.join(terminal.directory, '.claviger', 'attestation', 'root.pem');
    const again = await startDaemon({
      environment: { ...account, CLAVIGER_ATTESTATION_ROOTS_FILE: rootsFile },
      beside: first,
    });
    daemons.push(again);
    const second = await openTerminal(again);
    terminals.push(second);
    const before = `cd '${terminal.directory}'`;
    finished.push(await pasteInOrder(parts[1], { daemon: again, terminal: second, before }));
  });
  afterAll(async () => {
    for (const terminal of terminals) await terminal.close();
    for (const daemon of daemons.reverse()) await daemon.remove();
  });

  test('can be pasted into bash from its first line to its last', () => {
    expect(finished).toEqual(Array(2).fill({ code: 0, stdout: '', stderr: '' }));
  });

  test.each(steps)('prints what the page shows: $title', async ({ title }) => {
    const part = parts[0].some((step) => step.title === title) ? 0 : 1;
    const { seen, shown } = await printedBy(parts[part], title, terminals[part]!);
    expect(seen).toEqual(shown);
  });
});
