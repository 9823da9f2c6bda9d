import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Finished, type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type FurtherToken, makeFurtherToken, writeKeyStores } from '../support/further-token';
import { pasteInOrder, printedBy, readSteps } from '../support/walk-through';

/** Each command of the AWS CLI starts a Python. */
jest.setTimeout(300_000);

const steps = readSteps('docs/key-stores.md');

describe('docs/key-stores.md', () => {
  let hsm: FurtherToken;
  let daemon: TestDaemon;
  let terminal: Terminal;
  let finished: Finished;
  beforeAll(async () => {
    hsm = await makeFurtherToken();
    const { file, remove } = await writeKeyStores([{ ...hsm, clusterId: 'cluster-laboratory7' }]);
    daemon = await startDaemon({ environment: { CLAVIGER_KEY_STORES_FILE: file } });
    terminal = await openTerminal(daemon);
    writeFileSync(join(terminal.directory, 'customerCA.crt'), 'any text');
    const before = `
      export AWS_CONFIG_FILE="$PWD/.claviger/aws-config" AWS_SHARED_CREDENTIALS_FILE="$PWD/.claviger/credentials"
      export AWS_ENDPOINT_URL=http://127.0.0.1:4599 AWS_PAGER=
      password=${hsm.pin}`;
    finished = await pasteInOrder(steps, { daemon, terminal, before });
    await remove();
  });
  afterAll(async () => {
    await terminal.close();
    await daemon.remove();
    await hsm.remove();
  });

  test('can be pasted into bash from its first line to its last', () => {
    expect(finished).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test.each(steps)('prints what the page shows: $title', async ({ title }) => {
    const { seen, shown } = await printedBy(steps, title, terminal);
    expect(seen).toEqual(shown);
  });
});
