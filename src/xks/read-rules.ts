import { type AuthorizationRules, parseRules } from './rules';

/** Of a row. */
export function readRules(text: string | undefined): AuthorizationRules | undefined {
  return text === undefined ? undefined : parseRules(text);
}
