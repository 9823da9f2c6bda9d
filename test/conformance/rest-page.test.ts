import { readFileSync } from 'node:fs';
import path from 'node:path';
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

describe('docs/rest.md', () => {
  let hsm: FurtherToken;
  let mlKem: PostQuantumToken;
  const daemons: TestDaemon[] = [];
  const terminals: Terminal[] = [];
  const finished: Finished[] = [];

  beforeAll(async () => {
    [hsm, mlKem] = await Promise.all([makeFurtherToken(), makePostQuantumToken()]);
    const stores = await writeKeyStores([{ ...hsm, clusterId: 'cluster-laboratory7' }]);
    const environments = [{ CLAVIGER_KEY_STORES_FILE: stores.file }, mlKem.environment];
    for (const [at, environment] of environments.entries()) {
      const daemon = await startDaemon({ environment: { ...account, ...environment } });
      daemons.push(daemon);
      const terminal = await openTerminal(daemon);
      terminals.push(terminal);
      const before = `password=${hsm.pin}`;
      const pasted = at === 0 ? usual : withMlKem;
      finished.push(await pasteInOrder(pasted, { daemon, terminal, before }));
    }
    await stores.remove();
  });
  afterAll(async () => {
    for (const terminal of terminals) await terminal.close();
    for (const daemon of daemons) await daemon.remove();
    await hsm.remove();
    await mlKem.remove();
  });

  test('can be pasted into bash from its first line to its last', () => {
    expect(finished).toEqual(Array(2).fill({ code: 0, stdout: '', stderr: '' }));
  });

  test.each(steps)('prints what the page shows: $title', async ({ title, remark }) => {
    const [pasted, terminal] =
      remark === postQuantum ? [withMlKem, terminals[1]] : [usual, terminals[0]];
    if (terminal === undefined) throw new Error('the page was not run');
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

    const records = (await Promise.all(daemons.map((daemon) => auditTexts(daemon)))).flat();
    const done = records
      .map((text) => JSON.parse(text) as { eventName: string; errorCode?: string })
      .filter(({ errorCode }) => errorCode === undefined);
    const names = new Set(done.map(({ eventName }) => eventName));
    expect(routes.map(({ operation }) => operation).filter((name) => !names.has(name))).toEqual([]);
  });
});
