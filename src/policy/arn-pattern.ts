import {
  type Piece,
  type Template,
  type TextTest,
  compileTemplate,
  hasVariables,
  never,
  parseTemplate,
} from './template';

/** Parts of an ARN; the last may itself have colons. */
const partCount = 6;

/**
 * An ARN operator's value: each of the six parts is matched by itself, so that no wildcard and no variable's value
 * reaches beyond its part (kms-semantics §6.7).
 */
export function compileArn(value: string, variables: boolean): TextTest {
  const template = parseTemplate(value, { variables, wildcards: true });
  const parts = splitTemplate(template);
  if (parts.length < partCount) return compileWhole(template);
  const tests = parts.map(compileTemplate);
  return (actual, context) => {
    let start = 0;
    for (let i = 0; i < partCount; i++) {
      const end = i === partCount - 1 ? actual.length : actual.indexOf(':', start);
      if (end === -1 || tests[i]?.(actual.slice(start, end), context) !== true) return false;
      start = end + 1;
    }
    return true;
  };
}

/** `${aws:PrincipalArn}` is a whole ARN; anything else of fewer parts, `*` too, is none. */
function compileWhole(template: Template): TextTest {
  if (template.length !== 1 || !hasVariables(template)) return never;
  const test = compileTemplate(template);
  return (actual, context) =>
    actual.split(':', partCount).length === partCount && test(actual, context);
}

/** At the first five colons of literal text: a variable's key has colons that divide nothing. */
function splitTemplate(template: Template): Template[] {
  const parts: Piece[][] = [[]];
  for (const piece of template) {
    if (!('literal' in piece)) {
      parts.at(-1)?.push(piece);
      continue;
    }
    let rest = piece.literal;
    for (let colon = rest.indexOf(':'); colon !== -1; colon = rest.indexOf(':')) {
      if (parts.length === partCount) break;
      parts.at(-1)?.push({ literal: rest.slice(0, colon) });
      parts.push([]);
      rest = rest.slice(colon + 1);
    }
    parts.at(-1)?.push({ literal: rest });
  }
  return parts;
}
