import type { IssuedAccessKey } from '../auth/accounts';

/** One line of JSON on standard output. */
export function printJson(value: object): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** The one time that an access key's secret is shown. */
export function printKey({ SecretAccessKey, ...rest }: IssuedAccessKey): void {
  printJson({ ...rest, SecretAccessKey: SecretAccessKey.revealText() });
}
