import type { Context } from './policy';
import { type Pattern, PatternBuilder, type Wildcard, matchesPattern, tokens } from './wildcard';

/** Does what a request says match what a policy says? */
export type TextTest = (actual: string, context: Context) => boolean;

export interface TemplateOptions {
  /** Version 2012-10-17: `${…}` is a variable. */
  readonly variables: boolean;
  /** `*` and `?` are wildcards. */
  readonly wildcards: boolean;
}

/** Text of a policy, read: literal text, wildcards and variables. */
export type Template = readonly Piece[];

export type Piece =
  | { readonly literal: string }
  | { readonly wildcard: Wildcard }
  /** A condition key in lower case, and what stands for it when the request has none. */
  | { readonly key: string; readonly fallback: string | undefined };

/** `${*}`, `${?}` and `${$}` are the characters themselves. */
const escapes: ReadonlySet<string> = new Set(['*', '?', '$']);

export const never: TextTest = () => false;

/**
 * Reads `${aws:username}`, `${aws:username, 'anonymous'}`, `*` and `?` (kms-semantics §6.6). What begins like a variable
 * and does not end is literal text.
 */
export function parseTemplate(text: string, { variables, wildcards }: TemplateOptions): Template {
  const pieces: Piece[] = [];
  let at = 0;
  while (at < text.length) {
    const start = variables ? text.indexOf('${', at) : -1;
    const end = start === -1 ? -1 : text.indexOf('}', start);
    if (end === -1) break;
    pushText(pieces, text.slice(at, start), wildcards);
    pieces.push(readVariable(text.slice(start + 2, end)));
    at = end + 1;
  }
  pushText(pieces, text.slice(at), wildcards);
  return pieces;
}

export function hasVariables(template: Template): boolean {
  return template.some((piece) => 'key' in piece);
}

function hasWildcards(template: Template): boolean {
  return template.some((piece) => 'wildcard' in piece);
}

/** Without variables the pattern is made now, with them for each request. */
export function compileTemplate(template: Template): TextTest {
  if (hasVariables(template)) {
    return hasWildcards(template)
      ? (actual, context) => {
          const pattern = resolvePattern(template, context, actual.length);
          return pattern !== undefined && matchesPattern(pattern, actual);
        }
      : (actual, context) => actual === resolveText(template, context);
  }
  if (!hasWildcards(template)) {
    const expected = template.map((piece) => ('literal' in piece ? piece.literal : '')).join('');
    return (actual) => actual === expected;
  }
  if (template.every((piece) => 'wildcard' in piece && piece.wildcard === 'any run'))
    return () => true;
  const pattern = toPattern(template);
  return (actual) => matchesPattern(pattern, actual);
}

export function compileText(text: string, options: TemplateOptions): TextTest {
  return compileTemplate(parseTemplate(text, options));
}

/** The text with its variables' values, or undefined when one has none; wildcards do not occur. */
export function resolveText(template: Template, context: Context): string | undefined {
  let text = '';
  for (const piece of template) {
    const part = valueOf(piece, context);
    if (part === undefined) return undefined;
    text += part;
  }
  return text;
}

/**
 * The pattern with its variables' values; undefined when one has none, and when it is longer than any text of `longest`
 * units that it could match: a long value in a thousand variables is not put together for that.
 */
function resolvePattern(
  template: Template,
  context: Context,
  longest: number,
): Pattern | undefined {
  const builder = new PatternBuilder();
  let length = 0;
  for (const piece of template) {
    if ('wildcard' in piece) {
      builder.wildcard(piece.wildcard);
      continue;
    }
    const part = valueOf(piece, context);
    length += part?.length ?? 0;
    if (part === undefined || length > longest) return undefined;
    // A wildcard in a tag's value or a user's name must not widen what the policy says.
    builder.literal(part);
  }
  return builder.build();
}

function toPattern(template: Template): Pattern {
  const builder = new PatternBuilder();
  for (const piece of template) {
    if ('wildcard' in piece) builder.wildcard(piece.wildcard);
    else if ('literal' in piece) builder.literal(piece.literal);
  }
  return builder.build();
}

/**
 * A key that is absent, empty or multi-valued has no value: nothing is equal to it or like it
 * (IAM User Guide, "Policy variables with no value"; multi-valued keys are no variables).
 */
function valueOf(piece: Piece, context: Context): string | undefined {
  if ('literal' in piece) return piece.literal;
  if ('wildcard' in piece) return undefined;
  const value = context.get(piece.key);
  return typeof value === 'string' && value !== '' ? value : piece.fallback;
}

function readVariable(inside: string): Piece {
  if (escapes.has(inside)) return { literal: inside };
  const comma = inside.indexOf(',');
  if (comma === -1) return { key: inside.trim().toLowerCase(), fallback: undefined };
  const quoted = inside.slice(comma + 1).trim();
  const isQuoted = quoted.length >= 2 && quoted.startsWith("'") && quoted.endsWith("'");
  return {
    key: inside.slice(0, comma).trim().toLowerCase(),
    fallback: isQuoted ? quoted.slice(1, -1) : undefined,
  };
}

function pushText(pieces: Piece[], text: string, wildcards: boolean): void {
  for (const { literal, wildcard } of wildcards ? tokens(text) : [{ literal: text }]) {
    if (literal !== '') pieces.push({ literal });
    if (wildcard !== undefined) pieces.push({ wildcard });
  }
}
