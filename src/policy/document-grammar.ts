import { type JsonObject, type JsonValue, isList, isObject, readJson } from './json';
import { PolicyError } from './policy';

/** Action, Resource or their Not… twins: the values, and whether they are the ones that do not match. */
export interface Choice {
  readonly not: boolean;
  readonly values: readonly string[];
}

export interface Statement {
  readonly sid: string | undefined;
  readonly deny: boolean;
  readonly principal: { readonly not: boolean; readonly value: JsonValue } | undefined;
  readonly action: Choice | undefined;
  readonly resource: Choice | undefined;
  readonly condition: JsonValue | undefined;
}

/** A document of the policy grammar, whatever it is attached to. */
export interface PolicyDocument {
  readonly version: '2008-10-17' | '2012-10-17';
  readonly statements: readonly Statement[];
}

const documentMembers = new Set(['Version', 'Id', 'Statement']);
const statementMembers = new Set([
  ...['Sid', 'Effect', 'Principal', 'NotPrincipal', 'Action', 'NotAction'],
  ...['Resource', 'NotResource', 'Condition'],
]);

/** Throws PolicyError for what the grammar does not have. Lists that must not be empty may still be. */
export function readDocument(text: string): PolicyDocument {
  const document = readJson(text);
  if (!isObject(document)) throw syntaxError();
  requireMembers(document, documentMembers);
  optionalText(document, 'Id');
  const version = document.has('Version') ? document.get('Version') : '2008-10-17';
  if (version !== '2012-10-17' && version !== '2008-10-17') throw syntaxError();
  const statement = document.get('Statement') ?? [];
  const statements = (isList(statement) ? statement : [statement]).map(readStatement);
  if (statements.length === 0) throw syntaxError();
  return { version, statements };
}

function readStatement(statement: JsonValue): Statement {
  if (!isObject(statement)) throw syntaxError();
  requireMembers(statement, statementMembers);
  const effect = statement.get('Effect');
  if (effect !== 'Allow' && effect !== 'Deny') throw syntaxError();
  return {
    sid: optionalText(statement, 'Sid'),
    deny: effect === 'Deny',
    principal: oneOf(statement, 'Principal', (value) => value),
    action: choice(statement, 'Action'),
    resource: choice(statement, 'Resource'),
    condition: statement.get('Condition'),
  };
}

function choice(statement: JsonObject, name: string): Choice | undefined {
  const found = oneOf(statement, name, (value) => {
    const values = isList(value) ? value : [value];
    if (!values.every((one) => typeof one === 'string')) throw syntaxError();
    return values;
  });
  return found && { not: found.not, values: found.value };
}

/** A member or its Not… twin; both at once are a fault. */
function oneOf<T>(
  statement: JsonObject,
  name: string,
  read: (value: JsonValue) => T,
): { readonly not: boolean; readonly value: T } | undefined {
  const positive = statement.get(name);
  const negative = statement.get(`Not${name}`);
  if (positive !== undefined && negative !== undefined) throw syntaxError();
  // Null is a value, which none of them can have.
  const value = positive === undefined ? negative : positive;
  return value === undefined ? undefined : { not: positive === undefined, value: read(value) };
}

function optionalText(object: JsonObject, name: string): string | undefined {
  const value = object.get(name);
  if (value !== undefined && typeof value !== 'string') throw syntaxError();
  return value;
}

function requireMembers(object: JsonObject, known: ReadonlySet<string>): void {
  for (const name of object.keys()) if (!known.has(name)) throw syntaxError();
}

function syntaxError(): PolicyError {
  return new PolicyError('syntax', 'Syntax errors in policy.');
}
