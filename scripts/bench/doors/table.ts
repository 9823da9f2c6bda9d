import type { DoorName } from '../load/doors';
import { type Measured, median } from '../measure';

/** The rounds of one operation by each door. */
export interface DoorsRow {
  readonly operation: string;
  readonly connections: number;
  readonly rounds: Readonly<Record<DoorName, readonly Measured[]>>;
}

type Cell = (row: DoorsRow) => string;

const of =
  (door: DoorName, value: (one: Measured) => number, digits = 0): Cell =>
  ({ rounds }) =>
    median(rounds[door].map(value)).toFixed(digits);

/** The doors of a round follow each other at once, so what disturbs the machine for longer cancels out. */
const ratio =
  (door: DoorName): Cell =>
  ({ rounds }) => {
    const ratios = rounds[door].map(
      ({ rate }, round) => rate / (rounds['aws-json'][round]?.rate ?? Number.NaN),
    );
    return median(ratios).toFixed(2);
  };

const columns: Readonly<Record<string, Cell>> = {
  operation: ({ operation }) => operation,
  connections: ({ connections }) => String(connections),
  'AWS/s': of('aws-json', ({ rate }) => rate),
  'REST, signed/s': of('rest', ({ rate }) => rate),
  ratio: ratio('rest'),
  'REST, API token/s': of('rest-token', ({ rate }) => rate),
  'its ratio': ratio('rest-token'),
  'p99 ms: AWS': of('aws-json', ({ p99 }) => p99, 2),
  'REST, signed': of('rest', ({ p99 }) => p99, 2),
  'CPU µs of workers: AWS': of('aws-json', ({ cost }) => cost.workers),
  signed: of('rest', ({ cost }) => cost.workers),
  token: of('rest-token', ({ cost }) => cost.workers),
};

export function doorsHead(): string {
  const names = Object.keys(columns);
  return `${line(names)}\n${line(names.map((_, index) => (index === 0 ? '---' : '---:')))}`;
}

export function doorsLine(row: DoorsRow): string {
  return line(Object.values(columns).map((cell) => cell(row)));
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
