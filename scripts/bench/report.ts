import { execFileSync } from 'node:child_process';
import { existsSync } from 'node:fs';
import { cpus } from 'node:os';
import { openDatabase } from '../../src/db';
import { type Measured, median } from './measure';

/** The rounds of one operation at so many connections. */
export interface Row {
  readonly operation: string;
  readonly connections: number;
  readonly daemon: readonly Measured[];
  readonly yardstick: readonly Measured[];
}

type Column = (row: Row) => string;

const columns: Readonly<Record<string, Column>> = {
  operation: ({ operation }) => operation,
  connections: ({ connections }) => String(connections),
  'requests/s': ({ daemon }) => rateOf(daemon).toFixed(0),
  'p50 ms': ({ daemon }) => median(daemon.map(({ p50 }) => p50)).toFixed(2),
  'p99 ms': ({ daemon }) => median(daemon.map(({ p99 }) => p99)).toFixed(2),
  'yardstick/s': ({ yardstick }) => rateOf(yardstick).toFixed(0),
  ratio: ({ daemon, yardstick }) => pairedRatio(daemon, yardstick).toFixed(2),
  'CPU µs: workers': ({ daemon }) => costOf(daemon, 'workers'),
  Postgres: ({ daemon }) => costOf(daemon, 'postgres'),
  load: ({ daemon }) => costOf(daemon, 'load'),
  'yardstick CPU µs': ({ yardstick }) => costOf(yardstick, 'workers'),
};

export function tableHead(): string {
  const names = Object.keys(columns);
  return `${line(names)}\n${line(names.map((_, index) => (index === 0 ? '---' : '---:')))}`;
}

export function tableRow(row: Row): string {
  return line(Object.values(columns).map((column) => column(row)));
}

export function rateOf(rounds: readonly Measured[]): number {
  return median(rounds.map(({ rate }) => rate));
}

/** The two of a round follow each other at once, so what disturbs the machine for longer cancels out. */
function pairedRatio(daemon: readonly Measured[], yardstick: readonly Measured[]): number {
  return median(daemon.map(({ rate }, round) => rate / (yardstick[round]?.rate ?? Number.NaN)));
}

function costOf(rounds: readonly Measured[], group: keyof Measured['cost']): string {
  return median(rounds.map(({ cost }) => cost[group])).toFixed(0);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}

/** What was measured on: kinds and versions, no names. */
export async function describeMachine(databaseUrl: string): Promise<string> {
  const processors = cpus();
  const parts = [
    `${processors.length} cores (${processors[0]?.model.trim() ?? 'unknown'})`,
    `Node.js ${process.version.slice(1)}`,
    `SoftHSM ${softHsmVersion()}`,
    `Postgres ${await postgresVersion(databaseUrl)} (fsync on)`,
    'load generator and Postgres on the same cores',
  ];
  return parts.join(', ');
}

const softHsmUtil = '/usr/bin/softhsm2-util';

function softHsmVersion(): string {
  if (!existsSync(softHsmUtil)) return '2';
  return execFileSync(softHsmUtil, ['--version'], { encoding: 'utf8' }).trim();
}

async function postgresVersion(url: string): Promise<string> {
  const limits = { statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
  const database = openDatabase({ url, poolSize: 1, ...limits });
  const [row] = await database.query<{ version: string }>({
    text: `select current_setting('server_version') as version`,
  });
  await database.close();
  return row?.version ?? 'unknown';
}
