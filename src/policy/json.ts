import { PolicyError } from './policy';

/**
 * JSON as it was written: members in their order, numbers in their digits. Objects are Maps, so that no name of a member
 * means anything (`__proto__`, `constructor`) and none is moved (V8 puts `"1"` before `"a"`).
 */
export type JsonValue = string | boolean | null | JsonNumber | readonly JsonValue[] | JsonObject;
export type JsonObject = ReadonlyMap<string, JsonValue>;

export interface JsonNumber {
  readonly digits: string;
}

/** A policy's deepest value is a value in a list of a key of an operator of a Condition of a statement of a list. */
const maxDepth = 8;

/** `text` is no JSON, is deeper than any policy, or says something of one object twice. */
function invalid(cause?: unknown): PolicyError {
  return new PolicyError('syntax', 'Syntax errors in policy.', { cause });
}

/** Throws PolicyError for what is no JSON, for duplicate members, and for nesting that no policy has. */
export function readJson(text: string): JsonValue {
  try {
    JSON.parse(text);
  } catch (cause) {
    throw invalid(cause);
  }
  return new Reader(text).value(0);
}

export function isObject(value: JsonValue | undefined): value is JsonObject {
  return value instanceof Map;
}

export function isList(value: JsonValue | undefined): value is readonly JsonValue[] {
  return Array.isArray(value);
}

export function isNumber(value: JsonValue | undefined): value is JsonNumber {
  return typeof value === 'object' && value !== null && 'digits' in value;
}

/** The object with another value of one member, in its place; what is no object or has no such member as it is. */
export function replaceMember(
  value: JsonValue,
  name: string,
  change: (member: JsonValue) => JsonValue,
): JsonValue {
  const member = isObject(value) ? value.get(name) : undefined;
  if (!isObject(value) || member === undefined) return value;
  return new Map(value).set(name, change(member));
}

/** Changes each element of a list, or the one value that stands for itself. */
export function changeEach(value: JsonValue, change: (one: JsonValue) => JsonValue): JsonValue {
  return isList(value) ? value.map(change) : change(value);
}

/** Reads text that JSON.parse has accepted: what is left to do is to see what JSON.parse forgets. */
class Reader {
  private at = 0;

  constructor(private readonly text: string) {}

  value(depth: number): JsonValue {
    if (depth > maxDepth) throw invalid();
    this.skipSpace();
    const first = this.text[this.at];
    if (first === '{') return this.object(depth);
    if (first === '[') return this.list(depth);
    if (first === '"') return this.string();
    return this.word();
  }

  private object(depth: number): JsonObject {
    const members = new Map<string, JsonValue>();
    while (this.isInside('}')) {
      const name = this.string();
      this.skipSpace();
      this.at += 1; // the colon
      if (members.has(name)) throw invalid();
      members.set(name, this.value(depth + 1));
    }
    return members;
  }

  private list(depth: number): readonly JsonValue[] {
    const values: JsonValue[] = [];
    while (this.isInside(']')) values.push(this.value(depth + 1));
    return values;
  }

  /** Steps over the bracket or comma before a member, or over the bracket that ends the object or list. */
  private isInside(end: string): boolean {
    this.skipSpace();
    const atEnd = this.text[this.at] === end;
    this.at += 1;
    if (atEnd) return false;
    this.skipSpace();
    if (this.text[this.at] !== end) return true;
    this.at += 1; // of an empty object or list
    return false;
  }

  private string(): string {
    let end = this.at + 1;
    while (this.text[end] !== '"') end += this.text[end] === '\\' ? 2 : 1;
    const written = this.text.slice(this.at, end + 1);
    this.at = end + 1;
    return JSON.parse(written) as string;
  }

  private word(): JsonValue {
    let end = this.at;
    while (end < this.text.length && !' \t\r\n,]}'.includes(this.text[end] ?? '')) end += 1;
    const written = this.text.slice(this.at, end);
    this.at = end;
    const value = JSON.parse(written) as number | boolean | null;
    return typeof value === 'number' ? { digits: written } : value;
  }

  private skipSpace(): void {
    while (' \t\r\n'.includes(this.text[this.at] ?? '-')) this.at += 1;
  }
}
