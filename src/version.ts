import { readFileSync } from 'node:fs';
import path from 'node:path';

/** Of this package, as package.json has it. */
export function readVersion(): string {
  const file = path.resolve(__dirname, '..', '..', 'package.json');
  const { version } = JSON.parse(readFileSync(file, 'utf8')) as { readonly version: string };
  return version;
}
