import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { format, resolveConfig } from 'prettier';
import { type Finding, findingOf, kindsOf, places, readReports } from '../tokens/report';

const page = 'docs/tokens.md';
const [begin, end] = ['<!-- Table: scripts/generate/tokens.ts -->', '<!-- End of the table -->'];

/** Writes the table of docs/tokens.md from docs/tokens/*.json; with --check says whether it is up to date instead. */
async function main(check: boolean): Promise<number> {
  const source = join(__dirname, '..', '..', '..', page);
  const before = readFileSync(source, 'utf8');
  const [head, rest] = split(before, begin);
  const [, tail] = split(rest, end);
  const text = `${head}${begin}\n\n${tables()}\n\n${end}${tail}`;
  const options = await resolveConfig(source);
  const after = await format(text, { ...options, filepath: source });
  if (after === before) return 0;
  if (!check) {
    writeFileSync(source, after);
    return 0;
  }
  process.stderr.write(`${page} is out of date: node dist/scripts/generate/tokens.js\n`);
  return 1;
}

function split(text: string, mark: string): readonly [string, string] {
  const at = text.indexOf(mark);
  if (at === -1) throw new Error(`${page} has no ${mark}`);
  return [text.slice(0, at), text.slice(at + mark.length)];
}

/** One column a token, one row a kind of key; what lacks is told below. */
function tables(): string {
  const reports = readReports();
  const lacking = new Map<string, number>();
  const noteOf = (note: string): string => {
    if (!lacking.has(note)) lacking.set(note, lacking.size + 1);
    return `[${String(lacking.get(note))}]`;
  };
  const rows = kindsOf(reports).map((kind) => {
    const [spec = ''] = kind.split(' ');
    // One note for all specs that lack the same.
    const noteOfSpec = (note: string): string => noteOf(note.replaceAll(spec, '…'));
    const cells = reports.map((report) =>
      cellOf(
        places.map((place) => findingOf(report, kind, place)),
        noteOfSpec,
      ),
    );
    return row([`\`${kind.replace(' ', '` `')}\``, ...cells]);
  });
  const heading = ['', ...reports.map(({ name }) => name)];
  return [
    row(heading),
    row(heading.map(() => '---')),
    ...rows,
    '',
    ...[...lacking].map(([note, number]) => `${String(number)}. ${note.replaceAll('_', '\\_')}`),
  ].join('\n');
}

function row(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** One answer where resident, wrapped and imported material have the same; else each has its own. */
function cellOf(findings: readonly Finding[], noteOf: (note: string) => string): string {
  const told = findings.map((finding, at) => ({
    place: places[at] ?? 'resident',
    text: textOf(finding, noteOf),
  }));
  const tried = told.filter((_, at) => findings[at]?.verdict !== 'untried');
  const texts = new Set(tried.map(({ text }) => text));
  if (texts.size === 1) return [...texts].join('');
  return tried.map(({ place, text }) => `${place}: ${text}`).join('<br>');
}

function textOf({ verdict, without, notes }: Finding, noteOf: (note: string) => string): string {
  if (verdict === 'yes') return 'yes';
  const marks = notes.map(noteOf).join(' ');
  if (verdict === 'no') return `no ${marks}`;
  return `without ${without.map((one) => `\`${one}\``).join(', ')} ${marks}`;
}

main(process.argv.includes('--check')).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\n`);
    process.exitCode = 1;
  },
);
