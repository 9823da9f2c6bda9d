import { mkdir, readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { type Finished, type Terminal, openTerminal } from '../support/aws-cli';
import { type TestDaemon, commandLine, startDaemon } from '../support/daemon';
import { freePort } from '../support/free-port';
import { auditTexts } from '../support/kms';
import { type Snippet, snippets } from '../support/snippets';

/** Some hundred commands of the AWS CLI, each of which starts a Python. */
jest.setTimeout(600_000);

/** A block of commands, and what the page shows that they print. */
interface Step {
  readonly title: string;
  readonly code: string;
  /** Its commands are for an AWS CLI that knows AWS_ENDPOINT_URL. */
  readonly needsEndpointUrl: boolean;
  readonly printed: string;
}

const steps = readSteps(snippets('docs/first-hour.md'));

function readSteps(blocks: readonly Snippet[]): Step[] {
  return blocks.flatMap(({ language, heading, remark, code }, at): Step[] => {
    if (language !== 'sh') return [];
    const next = blocks[at + 1];
    const nth = blocks.slice(0, at).filter((b) => b.heading === heading && b.language === 'sh');
    return [
      {
        title: `${heading} (${nth.length + 1})`,
        code,
        needsEndpointUrl: remark === 'aws-endpoint-url',
        printed: next?.language === 'text' ? next.code : '',
      },
    ];
  });
}

/**
 * One bash runs the page from its first block to its last. Today's AWS CLI is told to know no AWS_ENDPOINT_URL, as that of
 * Debian 12 does not, but for blocks that say that they need it.
 */
function pastedInOrder(blocks: readonly Step[]): string {
  const lines = blocks.map(
    ({ code, needsEndpointUrl }, at) =>
      `export AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=${String(!needsEndpointUrl)}
{
${code}
} > "$printed/${at}" 2>&1`,
  );
  // The page ends its issuer in its last block, which is not reached when a block cannot be read.
  const end = `trap '[ ! -f "$pid_file" ] || kill "$(cat "$pid_file")"' EXIT`;
  return ['printed=$PWD pid_file=$PWD/.claviger/first-hour/issuer.pid', end, ...lines].join('\n');
}

/** An AWS CLI puts an empty line, or its name, before an error. */
function withoutDecoration(printed: string): string[] {
  const lines = printed.split('\n').map((line) => line.replace(/^aws: \[ERROR\]: /, ''));
  return lines.filter((line) => line !== '');
}

/** What was printed, with … where the page has it; whatever the page does not say stays as it is, for a failure to show. */
function elided(printed: string, asShown: string): string[] {
  const shown = withoutDecoration(asShown);
  return withoutDecoration(printed).map((line, at) => {
    const parts = (shown[at] ?? '')
      .split('…')
      .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, '\\$&'));
    return new RegExp(`^${parts.join('.+')}$`).test(line) ? (shown[at] ?? '') : line;
  });
}

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
    const page = pastedInOrder(steps)
      .replaceAll('http://127.0.0.1:4599', daemon.endpoint)
      .replaceAll('issuer_port=4600', `issuer_port=${await freePort()}`);
    finished = await terminal.run('bash', ['--norc', '-c', page], daemon.environment);
  });
  afterAll(async () => {
    await terminal.close();
    await daemon.remove();
  });

  test('can be pasted into bash from its first line to its last', () => {
    expect(finished).toEqual({ code: 0, stdout: '', stderr: '' });
  });

  test.each(steps)('prints what the page shows: $title', async ({ title, printed }) => {
    const at = steps.findIndex((step) => step.title === title);
    const seen = await readFile(path.join(terminal.directory, String(at)), 'utf8');
    expect(elided(seen, printed)).toEqual(withoutDecoration(printed));
  });

  test('leaves an audit record of every request, refused ones too', async () => {
    const refused = steps.flatMap(({ printed }) => printed.match(/^An error occurred/gm) ?? []);
    const records = await auditTexts(daemon);
    const errors = records.filter((text) => 'errorCode' in (JSON.parse(text) as object));
    expect(errors).toHaveLength(refused.length);
  });
});
