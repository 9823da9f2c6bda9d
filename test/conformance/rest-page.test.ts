import { readFileSync } from 'node:fs';
import path from 'node:path';
import { ensureApiToken, tokenFiles } from '../../scripts/dev-server/api-token';
import { clientFiles } from '../../scripts/dev-server/credentials';
import { routes } from '../../src/rest/routes';
import { type Finished, type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type FurtherToken, makeFurtherToken, writeKeyStores } from '../support/further-token';
import { auditTexts } from '../support/kms';
import { type PostQuantumToken, makePostQuantumToken } from '../support/post-quantum-token';
import { checkout } from '../support/snippets';
import { pasteInOrder, printedBy, readSteps } from '../support/walk-through';

jest.setTimeout(120_000);

const steps = readSteps('docs/rest.md');
/** By what stands behind the language: a token that not every daemon has, or a beginning that every daemon needs. */
const [postQuantum, everywhere] = ['post-quantum', 'everywhere'];
const usual = steps.filter(({ remark }) => remark !== postQuantum);
const withMlKem = steps.filter(({ remark }) => [postQuantum, everywhere].includes(remark));

const account = { CLAVIGER_ACCOUNT_ID: '000000000000' };

/** As scripts/dev does. */
async function makeApiToken({ endpoint: url, region }: TestDaemon, dataDir: string): Promise<void> {
  const { credentials } = clientFiles(dataDir);
  await ensureApiToken(tokenFiles(dataDir), { url, region }, credentials);
}

interface Run {
  readonly daemon: TestDaemon;
  readonly terminal: Terminal;
  readonly finished: Finished;
}

describe('docs/rest.md', () => {
  let hsm: FurtherToken;
  let mlKem: PostQuantumToken;
  let first: Run;
  let second: Run;

  beforeAll(async () => {
    [hsm, mlKem] = await Promise.all([makeFurtherToken(), makePostQuantumToken()]);
    const stores = await writeKeyStores([{ ...hsm, clusterId: 'cluster-laboratory7' }]);
    const run = async (pasted: typeof steps, environment: NodeJS.ProcessEnv): Promise<Run> => {
      const daemon = await startDaemon({ environment: { ...account, ...environment } });
      const terminal = await openTerminal(daemon);
      await makeApiToken(daemon, path.join(terminal.directory, '.claviger'));
      const before = `password=${hsm.pin}`;
      const finished = await pasteInOrder(pasted, { daemon, terminal, before });
      return { daemon, terminal, finished };
    };
    [first, second] = await Promise.all([
      run(usual, { CLAVIGER_KEY_STORES_FILE: stores.file }),
      run(withMlKem, mlKem.environment),
    ]);
    await stores.remove();
  });
  afterAll(async () => {
    for (const { daemon, terminal } of [first, second]) {
      await terminal.close();
      await daemon.remove();
    }
    await hsm.remove();
    await mlKem.remove();
  });

  test('can be pasted into bash from its first line to its last', () => {
    for (const { finished } of [first, second]) {
      expect(finished).toEqual({ code: 0, stdout: '', stderr: '' });
    }
  });

  test.each(steps)('prints what the page shows: $title', async ({ title, remark }) => {
    const [pasted, { terminal }] = remark === postQuantum ? [withMlKem, second] : [usual, first];
    const { seen, shown } = await printedBy(pasted, title, terminal);
    expect(seen).toEqual(shown);
  });

  test('has every route, once, and sends each operation, which is done', async () => {
    const page = readFileSync(path.join(checkout, 'docs/rest.md'), 'utf8');
    const named = [...page.matchAll(/\*\*(\w+)\*\*\s`([A-Z]+ \/v1\/\S+)`/g)].map(
      ([, operation, line]) => `${operation ?? ''} ${line ?? ''}`,
    );
    const expected = routes.map(
      ({ operation, line, path: at }) => `${operation} ${line.method} ${at}`,
    );
    expect(named.sort()).toEqual([...expected, 'Batch POST /v1/batch'].sort());

    const records = (
      await Promise.all([first, second].map(({ daemon }) => auditTexts(daemon)))
    ).flat();
    const done = records
      .map((text) => JSON.parse(text) as { eventName: string; errorCode?: string })
      .filter(({ errorCode }) => errorCode === undefined);
    const names = new Set(done.map(({ eventName }) => eventName));
    expect(routes.map(({ operation }) => operation).filter((name) => !names.has(name))).toEqual([]);
  });
});
