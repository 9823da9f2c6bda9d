import type { Passed } from './load';
import type { Trial } from './trial';

const columns: Readonly<Record<string, (trial: Trial) => string>> = {
  'start-up ms': ({ startUp }) => startUp.toFixed(0),
  'of it C_Initialize': ({ initialise }) => initialise.toFixed(0),
  'Encrypt/s warm': ({ encrypt }) => rate(encrypt.warm),
  'CPU µs': ({ encrypt }) => encrypt.warm.cost.toFixed(0),
  'beside 10 of the keys': ({ encrypt }) =>
    `${(encrypt.few.rate / encrypt.warm.rate).toFixed(2)} ×`,
  'first use: p50 ms': ({ encrypt }) => encrypt.cold.p50.toFixed(2),
  'first use/s': ({ encrypt }) => rate(encrypt.cold),
  'Decrypt/s warm': ({ decrypt }) => rate(decrypt.warm),
  'CPU µs ': ({ decrypt }) => decrypt.warm.cost.toFixed(0),
  'first use/s ': ({ decrypt }) => rate(decrypt.cold),
  'CreateKey/s': ({ create }) => rate(create),
  'rewrapped/s': ({ rewrap }) => rewrap?.toFixed(0) ?? '',
  'ListKeys ms: first page': ({ list }) => list.first.p50.toFixed(1),
  'deep page': ({ list }) => list.deep.p50.toFixed(1),
  'MiB of a worker: start': ({ memory }) => memory.start.toFixed(0),
  'all keys used': ({ memory }) => memory.used.toFixed(0),
};

export function tableHead(): string {
  const names = ['keys', ...Object.keys(columns).map((name) => name.trim())];
  return `${line(names)}\n${line(names.map(() => '---:'))}`;
}

export function tableRow(keys: number, trial: Trial): string {
  return line([String(keys), ...Object.values(columns).map((column) => column(trial))]);
}

/** What the largest costs beside the smallest, in the same run. */
export function ratioLine(trials: readonly Trial[]): string {
  const [smallest, largest] = [trials[0], trials.at(-1)];
  if (smallest === undefined || largest === undefined) return '';
  const ratio = (value: (trial: Trial) => number): string =>
    (value(largest) / value(smallest)).toFixed(2);
  return [
    `Largest beside smallest: warm Encrypt ${ratio(({ encrypt }) => 1 / encrypt.warm.rate)} × the time`,
    `and ${ratio(({ encrypt }) => encrypt.warm.cost)} × the processor time of the worker,`,
    `start-up without C_Initialize ${ratio(({ startUp, initialise }) => startUp - initialise)} ×.`,
  ].join(' ');
}

function rate({ rate: value }: Passed): string {
  return value.toFixed(0);
}

function line(cells: readonly string[]): string {
  return `| ${cells.join(' | ')} |`;
}
