import { type AuthorizationRules, parseRules } from './rules';

/** Of a row. Throws RulesFault: of a store or key whose rules cannot be read nothing is allowed. */
export function readRules(text: string | undefined): AuthorizationRules | undefined {
  return text === undefined ? undefined : parseRules(text);
}
