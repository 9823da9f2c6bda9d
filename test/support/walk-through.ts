import { readFile } from 'node:fs/promises';
import path from 'node:path';
import type { Finished, Terminal } from './aws-cli';
import type { TestDaemon } from './daemon';
import { type Snippet, snippets } from './snippets';

/** A block of commands of a page, and what the page shows that they print. */
export interface Step {
  readonly title: string;
  readonly code: string;
  /** What stands behind its language, which readers do not see. */
  readonly remark: string;
  /** Its commands are for an AWS CLI that knows AWS_ENDPOINT_URL. */
  readonly needsEndpointUrl: boolean;
  readonly printed: string;
}

export function readSteps(page: string): Step[] {
  const blocks = snippets(page);
  return blocks.flatMap(({ language, heading, remark, code }, at): Step[] => {
    if (language !== 'sh') return [];
    const nth = blocks.slice(0, at).filter((b) => b.heading === heading && b.language === 'sh');
    return [
      {
        title: `${heading} (${nth.length + 1})`,
        code,
        remark,
        needsEndpointUrl: remark === 'aws-endpoint-url',
        printed: printedAfter(blocks, at),
      },
    ];
  });
}

/** What a block prints is in the blocks right after it: texts, and JSON that the page breaks into lines for its readers. */
function printedAfter(blocks: readonly Snippet[], at: number): string {
  const following = blocks.slice(at + 1);
  const end = following.findIndex((block) => !isPrinted(block));
  return following
    .slice(0, end === -1 ? following.length : end)
    .map(({ language, code }) => (language === 'json' ? JSON.stringify(JSON.parse(code)) : code))
    .join('\n');
}

function isPrinted({ language, remark }: Snippet): boolean {
  return language === 'text' || (language === 'json' && remark === 'printed');
}

interface Pasting {
  readonly daemon: TestDaemon;
  readonly terminal: Terminal;
  /** What the page has otherwise than this machine. */
  readonly instead?: Readonly<Record<string, string>>;
  /** Run first, in the same bash. */
  readonly before?: string;
}

/**
 * One bash runs the page from its first block to its last. Today's AWS CLI is told to know no AWS_ENDPOINT_URL, as that of
 * Debian 12 does not, but for blocks that say that they need it.
 */
export function pasteInOrder(
  steps: readonly Step[],
  { daemon, terminal, instead = {}, before = '' }: Pasting,
): Promise<Finished> {
  const lines = steps.map(
    ({ code, needsEndpointUrl }, at) =>
      `export AWS_IGNORE_CONFIGURED_ENDPOINT_URLS=${String(!needsEndpointUrl)}
{
${code}
} > "$printed/${at}" 2>&1`,
  );
  const replaced = Object.entries({ 'http://127.0.0.1:4599': daemon.endpoint, ...instead });
  const page = replaced.reduce(
    (text, [here, there]) => text.replaceAll(here, there),
    ['printed=$PWD', before, ...lines].join('\n'),
  );
  return terminal.run('bash', ['--norc', '-c', page], daemon.environment);
}

/** What a step printed, with … where the page has it, and what it should have printed. */
export async function printedBy(
  steps: readonly Step[],
  title: string,
  { directory }: Terminal,
): Promise<{ readonly seen: string[]; readonly shown: string[] }> {
  const at = steps.findIndex((step) => step.title === title);
  const shown = steps[at]?.printed ?? '';
  const seen = await readFile(path.join(directory, String(at)), 'utf8');
  return { seen: elided(seen, shown), shown: withoutDecoration(shown) };
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
