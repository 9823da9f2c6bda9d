import type { Json } from '../../src/rest/openapi/types';
import { type DocumentedOperation, resolved } from './openapi';

/** A request as `rest` sends it. */
export interface LineAndBody {
  readonly line: string;
  readonly body: object | undefined;
  readonly headers: Readonly<Record<string, string>>;
}

/** Puts members where the document says that they stand: path, query, header, or body. */
export function requestWith(
  { path, method, operation }: DocumentedOperation,
  input: Json,
): LineAndBody {
  const inUrl = new Set<string>();
  const query: string[] = [];
  const headers: Record<string, string> = {};
  let target = path;
  for (const parameter of operation.parameters ?? []) {
    const { name, in: place } = resolved(parameter) as {
      readonly name: string;
      readonly in: string;
    };
    inUrl.add(name);
    const value = input[name];
    if (place === 'path') target = target.replace(`{${name}}`, escaped(value));
    else if (value === undefined) continue;
    else if (place === 'header') headers[name] = textOf(value);
    else query.push(...[value].flat().map((one) => `${escaped(name)}=${escaped(one)}`));
  }
  const others = Object.entries(input).filter(([name]) => !inUrl.has(name));
  const hasBody = operation.requestBody !== undefined || others.length > 0;
  return {
    line: `${method} ${[target, query.join('&')].filter((part) => part !== '').join('?')}`,
    body: hasBody ? Object.fromEntries(others) : undefined,
    headers,
  };
}

/** As SigV4 escapes, which is more than encodeURIComponent does. */
function escaped(value: unknown): string {
  return encodeURIComponent(textOf(value)).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}
