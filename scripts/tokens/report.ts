import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';

export const places = ['resident', 'wrapped', 'imported'] as const;

export type Place = (typeof places)[number];

/** Whether the token serves one algorithm with one kind of key. */
export interface Verdict {
  readonly place: Place;
  readonly spec: string;
  readonly usage: string;
  /** Empty: the making of the key. Of imports, the wrapping algorithm. */
  readonly algorithm: string;
  readonly served: boolean;
  /** What the token lacks. */
  readonly note: string;
}

/** What a run of test/tokens found out. */
export interface TokenReport {
  /** Product and version. */
  readonly name: string;
  readonly verdicts: readonly Verdict[];
}

const directory = path.join(__dirname, '..', '..', '..', 'docs', 'tokens');

export function readReportFile(file: string): TokenReport {
  return JSON.parse(readFileSync(file, 'utf8')) as TokenReport;
}

/** A report that is kept in docs/tokens. */
export function readReport(name: string): TokenReport {
  return readReportFile(path.join(directory, `${name}.json`));
}

/** All that are kept there, by file name. */
export function readReports(): readonly TokenReport[] {
  const names = readdirSync(directory).filter((name) => name.endsWith('.json'));
  return names.sort().map((name) => readReportFile(path.join(directory, name)));
}

/** What was found out about one kind of key in one place. */
export interface Finding {
  readonly verdict: 'yes' | 'partly' | 'no' | 'untried';
  /** Algorithms that are not served, though others are. */
  readonly without: readonly string[];
  /** What lacks, each once. */
  readonly notes: readonly string[];
}

export function findingOf(report: TokenReport, kind: string, place: Place): Finding {
  const all = report.verdicts.filter((one) => kindOf(one) === kind && one.place === place);
  const missing = all.filter(({ served }) => !served);
  const notes = [...new Set(missing.map(({ note }) => note))];
  if (all.length === 0) return { verdict: 'untried', without: [], notes };
  if (missing.length === 0) return { verdict: 'yes', without: [], notes };
  const uses = all.filter(({ algorithm }) => algorithm !== '');
  const nothing = !uses.some(({ served }) => served);
  const without = missing.map(({ algorithm }) => algorithm);
  return nothing ? { verdict: 'no', without: [], notes } : { verdict: 'partly', without, notes };
}

/** Spec and usage, as tables have them. */
export function kindOf({ spec, usage }: Pick<Verdict, 'spec' | 'usage'>): string {
  return `${spec} ${usage}`;
}

/** Every kind of key that one of the reports speaks of, in the order of the first. */
export function kindsOf(reports: readonly TokenReport[]): readonly string[] {
  return [...new Set(reports.flatMap(({ verdicts }) => verdicts.map(kindOf)))];
}
