import { readFileSync } from 'node:fs';
import path from 'node:path';

export const checkout = path.resolve(__dirname, '..', '..', '..');

/** The code of a page's block whose first line names the file that it is. */
export function snippet(page: string, file: string): string {
  const text = readFileSync(path.join(checkout, page), 'utf8');
  const blocks = text.matchAll(/^```\w+\n(?:\/\/|#) (\S+)\n(.*?)^```$/gms);
  for (const [, name, code] of blocks) {
    if (name === file && code !== undefined) return code;
  }
  throw new Error(`${page} shows no ${file}`);
}
