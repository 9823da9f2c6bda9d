import {
  type JsonValue,
  changeEach,
  isList,
  isNumber,
  isObject,
  readJson,
  replaceMember,
} from './json';

/**
 * The document with each AWS principal as `rename` names it, as compact JSON; undefined when it names all of them as
 * before. All else is as it was, numbers to the digit. The document has been compiled before, so it is JSON of the right
 * shape.
 */
export function replacePrincipals(
  text: string,
  rename: (name: string) => string,
): string | undefined {
  let found = 0;
  const renamed = (name: JsonValue): JsonValue => {
    const now = typeof name === 'string' ? rename(name) : name;
    if (now !== name) found += 1;
    return now;
  };
  const inElement = (element: JsonValue): JsonValue =>
    replaceMember(element, 'AWS', (names) => changeEach(names, renamed));
  const inStatement = (statement: JsonValue): JsonValue =>
    ['Principal', 'NotPrincipal'].reduce(
      (changed, name) => replaceMember(changed, name, inElement),
      statement,
    );
  const document = replaceMember(readJson(text), 'Statement', (statements) =>
    changeEach(statements, inStatement),
  );
  return found > 0 ? compact(document) : undefined;
}

function compact(value: JsonValue): string {
  if (isList(value)) return `[${value.map(compact).join(',')}]`;
  if (isNumber(value)) return value.digits;
  if (!isObject(value)) return JSON.stringify(value);
  const members = [...value].map(([name, member]) => `${JSON.stringify(name)}:${compact(member)}`);
  return `{${members.join(',')}}`;
}
