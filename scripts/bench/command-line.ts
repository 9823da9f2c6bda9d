import { InvalidArgumentError } from 'commander';

export function say(text: string): void {
  process.stdout.write(`${text}\n`);
}

export function readCount(text: string): number {
  const count = Number(text);
  if (!Number.isInteger(count) || count < 1) throw new InvalidArgumentError('not a count');
  return count;
}

/** With commas. */
export function readCounts(text: string): number[] {
  return text.split(',').map(readCount);
}

/** Reads some of the names, with commas, into the order that those have. */
export function readSome<T extends string>(names: readonly T[]): (text: string) => T[] {
  return (text) => {
    const wanted = text.split(',');
    const found = names.filter((name) => wanted.includes(name));
    if (found.length === wanted.length) return found;
    throw new InvalidArgumentError(`one of ${names.join(', ')}`);
  };
}

/** The program. What it throws is said in a line, and makes it fail. */
export function run(main: () => Promise<unknown>): void {
  main().catch((error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  });
}
