import type { IssuedAccessKey } from '../auth/accounts';

/** One line of JSON on standard output. */
export function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** The one time that an access key's secret is shown. */
export function printKey({ SecretAccessKey, ...rest }: IssuedAccessKey): void {
  printJson({ ...rest, SecretAccessKey: SecretAccessKey.revealText() });
}

/** One object as `--json` has it, or a sentence. */
export function print(
  options: Record<string, unknown>,
  { json, text }: { readonly json: object; readonly text: string },
): void {
  if (options['json'] === true) printJson(json);
  else process.stdout.write(`${text}\n`);
}

/** Lines of columns that are as wide as their widest cell. */
export function table(rows: readonly (readonly string[])[]): string[] {
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => row[column]?.length ?? 0)),
  );
  return rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
}
