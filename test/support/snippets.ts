import { readFileSync } from 'node:fs';
import path from 'node:path';

export const checkout = path.resolve(__dirname, '..', '..', '..');

/** A fenced block of a page. */
export interface Snippet {
  /** The heading that it is under. */
  readonly heading: string;
  readonly language: string;
  /** What stands behind the language, which readers do not see. */
  readonly remark: string;
  /** Without its fences. */
  readonly code: string;
}

const headingOrBlock = /^#+ (.*)$|^```(\w+) *(.*)\n([^]*?)^```$/gm;

/** The blocks of a page of this checkout, in order. */
export function snippets(page: string): Snippet[] {
  let heading = '';
  const found: Snippet[] = [];
  const text = readFileSync(path.join(checkout, page), 'utf8');
  for (const [, title, language, remark = '', code = ''] of text.matchAll(headingOrBlock)) {
    if (language === undefined) heading = title ?? '';
    else found.push({ heading, language, remark, code });
  }
  return found;
}

/** The code of the first block that is there in that language under that heading. */
export function snippetUnder(page: string, heading: string, language: string): string {
  const found = snippets(page).find((one) => one.heading === heading && one.language === language);
  if (found === undefined) throw new Error(`${page} shows no ${language} under “${heading}”`);
  return found.code;
}

/** The code of a page's block whose first line names the file that it is. */
export function snippet(page: string, file: string): string {
  for (const { code } of snippets(page)) {
    const end = code.indexOf('\n');
    if (/^(?:\/\/|#) (\S+)$/.exec(code.slice(0, end))?.[1] === file) return code.slice(end + 1);
  }
  throw new Error(`${page} shows no ${file}`);
}
