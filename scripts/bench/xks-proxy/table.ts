import { median } from '../measure';
import type { XksMeasured } from './measure';
import type { OperationName } from './requests';

/** The rounds of one operation on so many keys under one load. */
export interface Row {
  readonly operation: OperationName;
  readonly keys: number;
  /** Such as `16 connections`, or `1800/s`. */
  readonly load: string;
  readonly rounds: readonly XksMeasured[];
}

const of = (row: Row, value: (one: XksMeasured) => number, digits = 0): string =>
  median(row.rounds.map(value)).toFixed(digits);

const columns: Readonly<Record<string, (row: Row, rows: readonly Row[]) => string>> = {
  operation: ({ operation }) => operation,
  keys: ({ keys }) => String(keys),
  load: ({ load }) => load,
  'requests/s': (row) => of(row, ({ rate }) => rate),
  'p50 ms': (row) => of(row, ({ p50 }) => p50, 2),
  'p99 ms': (row) => of(row, ({ p99 }) => p99, 2),
  'to 1 key': (row, rows) => ratio(row, find(rows, { ...row, keys: 1 })),
  'to no CDIV': (row, rows) =>
    row.operation === 'Encrypt CDIV'
      ? ratio(row, find(rows, { ...row, operation: 'Encrypt' }))
      : '',
  'CPU µs: workers': (row) => of(row, ({ cost }) => cost.workers),
  Postgres: (row) => of(row, ({ cost }) => cost.postgres),
  'load ': (row) => of(row, ({ cost }) => cost.load),
};

/** Beside the columns that are text. */
const textColumns = new Set(['operation', 'load']);

export function tableOf(rows: readonly Row[]): string {
  const names = Object.keys(columns);
  const rule = names.map((name) => (textColumns.has(name) ? '---' : '---:'));
  const cells = rows.map((row) => Object.values(columns).map((column) => column(row, rows)));
  return [names, rule, ...cells].map((line) => `| ${line.join(' | ')} |`).join('\n');
}

function find(
  rows: readonly Row[],
  wanted: Pick<Row, 'operation' | 'keys' | 'load'>,
): Row | undefined {
  return rows.find(
    ({ operation, keys, load }) =>
      operation === wanted.operation && keys === wanted.keys && load === wanted.load,
  );
}

/** Of the rates. Those of a round follow each other, so what disturbs the machine for longer cancels out. */
function ratio(row: Row, base: Row | undefined): string {
  if (base === undefined || base === row) return '';
  const ratios = row.rounds.map(({ rate }, round) => rate / (base.rounds[round]?.rate ?? NaN));
  return median(ratios).toFixed(2);
}
