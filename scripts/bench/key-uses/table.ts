import { type Measured, median } from '../measure';
import type { RawMeasured } from './raw';

/** The rounds of one use of a key. */
export interface UseRow {
  readonly use: string;
  readonly connections: number;
  readonly daemon: readonly Measured[];
  /** Of the token alone, in the same rounds. */
  readonly raw: readonly RawMeasured[];
  /** Cores that each worker kept busy, in the same rounds. */
  readonly busy: readonly (readonly number[])[];
}

type Cell = (row: UseRow) => string;

const of = (rounds: readonly Measured[], value: (one: Measured) => number, digits = 0): string =>
  median(rounds.map(value)).toFixed(digits);

const columns: Readonly<Record<string, Cell>> = {
  operation: ({ use }) => use,
  connections: ({ connections }) => String(connections),
  'requests/s': ({ daemon }) => of(daemon, ({ rate }) => rate),
  'p50 ms': ({ daemon }) => of(daemon, ({ p50 }) => p50, 2),
  'p99 ms': ({ daemon }) => of(daemon, ({ p99 }) => p99, 2),
  'token alone/s': ({ raw }) => median(raw.map(({ rate }) => rate)).toFixed(0),
  ratio: ({ daemon, raw }) => pairedRatio(daemon, raw),
  'CPU µs: token alone': ({ raw }) => median(raw.map(({ cost }) => cost)).toFixed(0),
  workers: ({ daemon }) => of(daemon, ({ cost }) => cost.workers),
  Postgres: ({ daemon }) => of(daemon, ({ cost }) => cost.postgres),
  load: ({ daemon }) => of(daemon, ({ cost }) => cost.load),
  'cores of each worker': ({ busy }) =>
    (busy[0] ?? [])
      .map((_, worker) => median(busy.map((round) => round[worker] ?? Number.NaN)).toFixed(2))
      .join(', '),
};

/** The two of a round follow each other at once, so what disturbs the machine for longer cancels out. */
function pairedRatio(daemon: readonly Measured[], raw: readonly RawMeasured[]): string {
  const ratios = daemon.map(({ rate }, round) => rate / (raw[round]?.rate ?? Number.NaN));
  return median(ratios).toFixed(2);
}

export function useHead(): string {
  return headOf(Object.keys(columns));
}

export function useLine(row: UseRow): string {
  return line(Object.values(columns).map((cell) => cell(row)));
}

/** The rounds of Encrypt at so many connections. */
export interface BesideRow {
  readonly connections: number;
  readonly idle: readonly Measured[];
  /** While pairs were generated without a pause. */
  readonly beside: readonly Measured[];
  /** A second. */
  readonly pairs: readonly number[];
}

const besideColumns: Readonly<Record<string, (row: BesideRow) => string>> = {
  connections: ({ connections }) => String(connections),
  'idle: requests/s': ({ idle }) => of(idle, ({ rate }) => rate),
  'p50 ms': ({ idle }) => of(idle, ({ p50 }) => p50, 2),
  'p99 ms': ({ idle }) => of(idle, ({ p99 }) => p99, 2),
  'beside: requests/s': ({ beside }) => of(beside, ({ rate }) => rate),
  'p50 ms ': ({ beside }) => of(beside, ({ p50 }) => p50, 2),
  'p99 ms ': ({ beside }) => of(beside, ({ p99 }) => p99, 2),
  'p99 to idle': ({ idle, beside }) =>
    median(beside.map(({ p99 }, round) => p99 / (idle[round]?.p99 ?? Number.NaN))).toFixed(2),
  'pairs/s': ({ pairs }) => median(pairs).toFixed(2),
};

export function besideHead(): string {
  return headOf(Object.keys(besideColumns));
}

export function besideLine(row: BesideRow): string {
  return line(Object.values(besideColumns).map((cell) => cell(row)));
}

function headOf(names: readonly string[]): string {
  return `${line(names)}\n${line(names.map((_, index) => (index === 0 ? '---' : '---:')))}`;
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
