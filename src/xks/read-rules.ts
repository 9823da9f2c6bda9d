import type { AuthorizationRules } from './rules';

/** Of a row. */
export function readRules(text: string | undefined): AuthorizationRules | undefined {
  return text === undefined ? undefined : { document: JSON.parse(text) as unknown };
}
