import type { Config } from '../config';
import { examineDatabase, examineToken } from '../doctor/examine';
import { explanations } from '../doctor/explanations';
import type { Finding } from '../doctor/finding';
import { createLog, describeError } from '../log';
import { withDatabase } from './open';
import { withKeyTokens } from './key-tokens';
import { printJson } from './print';
import type { Command } from './subcommand';

/** A finding, and what became of it. */
interface Entry {
  readonly finding: Finding;
  /** What was done about it, where it was mended. */
  readonly mended: string | undefined;
  /** Why it could not be mended, where that was tried. */
  readonly failed: string | undefined;
}

interface Report {
  readonly entries: readonly Entry[];
  /** Why the token could not be looked at. */
  readonly tokenAway: string | undefined;
}

/** Exit codes: what scripts go by. */
const codes = { healthy: 0, findings: 1, notLooked: 2 } as const;

/**
 * `claviger doctor`: finds what token and database do not agree about, and what else is not as it should be, and says what
 * it means; `--repair` mends what is safe to mend. Exits with 0 when nothing is left to be done, with 1 when something is,
 * and with 2 when it could not look.
 */
export const doctor: Command = Object.assign(
  async (config: Config, { repair, json }: Record<string, unknown>): Promise<void> => {
    const report = await examine(config, { repair: repair === true });
    if (json === true) printJson(asJson(report));
    else process.stdout.write(`${page(report)}\n`);
    if (report.tokenAway !== undefined) process.exitCode = codes.notLooked;
    else if (report.entries.some(remains)) process.exitCode = codes.findings;
  },
  { failureCode: codes.notLooked },
);

function examine(config: Config, { repair }: { repair: boolean }): Promise<Report> {
  return withDatabase(config, async (database) => {
    const patient = { database, encryptionLimit: config.maxEncryptionsPerMaterial };
    const treat = (findings: readonly Finding[]): Promise<Entry[]> =>
      inTurn(findings, (finding) => treatOne(finding, repair));
    const entries = await treat(await examineDatabase(patient));
    try {
      const opened = { config, database, log: createLog('error') };
      const more = await withKeyTokens(opened, async (tokens) =>
        treat(await examineToken({ ...patient, ...tokens })),
      );
      return { entries: [...more, ...entries], tokenAway: undefined };
    } catch (error) {
      return { entries, tokenAway: describeError(error) };
    }
  });
}

async function treatOne(finding: Finding, repair: boolean): Promise<Entry> {
  const entry = { finding, mended: undefined, failed: undefined };
  if (!repair || finding.repair === undefined) return entry;
  try {
    return { ...entry, mended: await finding.repair() };
  } catch (error) {
    return { ...entry, failed: describeError(error) };
  }
}

async function inTurn<T, R>(all: readonly T[], work: (one: T) => Promise<R>): Promise<R[]> {
  const results: R[] = [];
  for (const one of all) results.push(await work(one));
  return results;
}

function remains({ mended }: Entry): boolean {
  return mended === undefined;
}

function asJson({ entries, tokenAway }: Report): object {
  return {
    findings: entries.map(({ finding: { repair, ...finding }, mended, failed }) => ({
      ...finding,
      ...explanations[finding.kind],
      repairable: repair !== undefined,
      mended: mended ?? null,
      failed: failed ?? null,
    })),
    remaining: entries.filter(remains).length,
    tokenAway: tokenAway ?? null,
  };
}

/** Of one kind, on a page for people; `--json` has all. */
const shownOfAKind = 20;

function page(report: Report): string {
  const kinds = [...new Set(report.entries.map(({ finding }) => finding.kind))];
  const sections = kinds.map((kind) =>
    section(report.entries.filter(({ finding }) => finding.kind === kind)),
  );
  return [...sections, summary(report)].join('\n\n');
}

function section(entries: readonly Entry[]): string {
  const kind = entries[0]?.finding.kind;
  if (kind === undefined) return '';
  const { what, why, means, advice } = explanations[kind];
  const hidden = entries.length - shownOfAKind;
  return [
    `${kind} (${entries.length}): ${what}`,
    ...paragraph('why', why),
    ...paragraph('means', means),
    ...paragraph('to do', advice),
    ...entries.slice(0, shownOfAKind).map(line),
    ...(hidden > 0 ? [`  - and ${hidden} more: --json shows them all`] : []),
  ].join('\n');
}

function line({ finding: { subject, details }, mended, failed }: Entry): string {
  const known = Object.entries(details).map(([name, value]) => `${name}=${value}`);
  const outcome =
    mended !== undefined
      ? [`mended: ${mended}`]
      : failed !== undefined
        ? [`not mended: ${failed}`]
        : [];
  return `  - ${[subject, ...known].join(' ')}${outcome.map((text) => `\n    ${text}`).join('')}`;
}

const width = 110;

/** A heading, and its text beside it in lines that fit a terminal. */
function paragraph(heading: string, text: string): string[] {
  const margin = 10;
  const lines = [''];
  for (const word of text.split(' ')) {
    const last = lines[lines.length - 1] ?? '';
    if (last !== '' && margin + last.length + 1 + word.length > width) lines.push(word);
    else lines[lines.length - 1] = last === '' ? word : `${last} ${word}`;
  }
  return lines.map((one, at) => `  ${(at === 0 ? heading : '').padEnd(margin - 2)}${one}`);
}

function summary({ entries, tokenAway }: Report): string {
  const left = entries.filter(remains).length;
  const mended = entries.length - left;
  const found =
    entries.length === 0
      ? 'nothing found'
      : `${entries.length} found, ${mended} mended, ${left} left`;
  if (tokenAway === undefined) return `claviger doctor: ${found}`;
  return `claviger doctor: ${found} in the database; the token could not be looked at: ${tokenAway}`;
}
