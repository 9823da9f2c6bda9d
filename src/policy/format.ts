import { type Place, accountRootArn } from '../keys/identifiers';
import {
  type JsonObject,
  type JsonValue,
  changeEach,
  isList,
  isNumber,
  isObject,
  readJson,
  replaceMember,
} from './json';
import { normalisePrincipal } from './principal-element';

/** The one-statement policy of a key made without one (kms-semantics §6.1). */
export function defaultKeyPolicy(place: Place, accountId: string): string {
  const statement = new Map<string, JsonValue>([
    ['Sid', 'Enable IAM User Permissions'],
    ['Effect', 'Allow'],
    ['Principal', new Map([['AWS', accountRootArn(place, accountId)]])],
    ['Action', 'kms:*'],
    ['Resource', '*'],
  ]);
  const document = new Map<string, JsonValue>([
    ['Version', '2012-10-17'],
    ['Id', 'key-default-1'],
    ['Statement', [statement]],
  ]);
  return write(document, '');
}

/**
 * A policy as AWS KMS gives it back (kms-semantics §6.1, §6.2): in its own layout, everyone as `{"AWS": "*"}`, an account
 * as its root's ARN, and all else as it was given. Throws PolicyError for what is no JSON.
 */
export function formatPolicy(text: string, place: Place): string {
  const document = readJson(text);
  return write(
    replaceMember(document, 'Statement', (statement) =>
      changeEach(statement, (one) =>
        ['Principal', 'NotPrincipal'].reduce(
          (normal, name) => replaceMember(normal, name, (value) => normaliseElement(value, place)),
          one,
        ),
      ),
    ),
    '',
  );
}

function normaliseElement(value: JsonValue, place: Place): JsonValue {
  if (value === '*') return new Map([['AWS', '*']]);
  return replaceMember(value, 'AWS', (principals) =>
    changeEach(principals, (name) =>
      typeof name === 'string' ? normalisePrincipal(name, place) : name,
    ),
  );
}

function write(value: JsonValue, indent: string): string {
  if (isObject(value)) return writeObject(value, indent);
  if (isList(value)) {
    return value.length === 0 ? '[ ]' : `[ ${value.map((one) => write(one, indent)).join(', ')} ]`;
  }
  if (isNumber(value)) return value.digits;
  return typeof value === 'string' ? writeText(value) : String(value);
}

function writeObject(object: JsonObject, indent: string): string {
  if (object.size === 0) return '{ }';
  const deeper = `${indent}  `;
  const members = [...object].map(
    ([name, value]) => `${deeper}${writeText(name)} : ${write(value, deeper)}`,
  );
  return `{\n${members.join(',\n')}\n${indent}}`;
}

/** What PutKeyPolicy takes is Latin-1 at the most, so that beyond it only escapes can have brought a character in. */
function writeText(text: string): string {
  return JSON.stringify(text).replace(
    /[^\x20-\xff]/g,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`,
  );
}
