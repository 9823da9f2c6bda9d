import { readFileSync } from 'node:fs';
import Ajv, { type ErrorObject } from 'ajv';
import { ConfigError } from './error';

/** Makes a fault of the file that a setting names. */
export type FileFault = (message: string, cause?: unknown) => ConfigError;

export function faultOf(variable: string, file: string): FileFault {
  return (message, cause) => new ConfigError(`${variable}: ${file}: ${message}`, { cause });
}

/** What is in the file. Throws ConfigError that names every place where it is not as the schema has it, by JSON pointer. */
export function readJsonFile(file: string, schema: object, fault: FileFault): unknown {
  const document = parse(file, fault);
  const validate = new Ajv({ allErrors: true }).compile(schema);
  if (validate(document)) return document;
  // What is wrong with the name of a member is told twice, the second time without the name.
  const errors = (validate.errors ?? []).filter(({ keyword }) => keyword !== 'propertyNames');
  throw fault(errors.map(describe).join('; '));
}

function parse(file: string, fault: FileFault): unknown {
  try {
    return JSON.parse(readFileSync(file, 'utf8'));
  } catch (cause) {
    throw fault(cause instanceof SyntaxError ? 'is not JSON' : 'cannot be read', cause);
  }
}

function describe({ instancePath, message, params, propertyName }: ErrorObject): string {
  const place = instancePath === '' ? '/' : instancePath;
  const subject = propertyName === undefined ? place : `${place} '${propertyName}'`;
  const extra: unknown = (params as Record<string, unknown>)['additionalProperty'];
  const member = typeof extra === 'string' ? ` '${extra}'` : '';
  return `${subject} ${message ?? 'is invalid'}${member}`;
}
