import type { ValidateFunction } from 'ajv/dist/2020';
import type { Json } from '../../src/rest/openapi/types';
import { type DocumentedOperation, resolved, schemaCompiler } from './openapi';
import type { RestReply } from './rest';

/** Everything about an answer that the document does not say; empty of one that is as it says. */
export type Judge = (documented: DocumentedOperation, reply: RestReply) => string[];

/** Holds answers against the document: status, content type, headers and body, which has no members that it does not name. */
export function documentedAnswers(): Judge {
  const compile = schemaCompiler({ closed: true });
  const validators = new Map<string, ValidateFunction>();
  const validatorOf = (schema: Json): ValidateFunction => {
    const text = JSON.stringify(schema);
    const made = validators.get(text) ?? compile(schema);
    validators.set(text, made);
    return made;
  };
  return ({ operation }, reply) => {
    const given = operation.responses[String(reply.status)];
    if (given === undefined)
      return [`the status ${String(reply.status)} is not documented: ${reply.text}`];
    const response = resolved(given);
    return [...headerFaults(response, reply), ...bodyFaults(response, reply, validatorOf)];
  };
}

function headerFaults({ headers }: Json, reply: RestReply): string[] {
  const documented = (headers ?? {}) as Readonly<Record<string, unknown>>;
  const required = Object.entries(documented).filter(([, header]) => resolved(header)['required']);
  const missing = required
    .map(([name]) => name)
    .filter((name) => !(name.toLowerCase() in reply.headers));
  const known = Object.keys(documented).map((name) => name.toLowerCase());
  const strange = ['location', 'link', 'retry-after'].filter(
    (name) => name in reply.headers && !known.includes(name),
  );
  return [
    ...missing.map((name) => `the header ${name} is missing`),
    ...strange.map((name) => `the header ${name} is not documented`),
  ];
}

function bodyFaults(
  { content }: Json,
  reply: RestReply,
  validatorOf: (schema: Json) => ValidateFunction,
): string[] {
  const type = reply.headers['content-type'];
  if (content === undefined) {
    return reply.text === '' && type === undefined
      ? []
      : ['it has a body, which is not documented'];
  }
  const media = (content as Readonly<Record<string, Json>>)[type ?? ''];
  if (media === undefined) return [`its content type is ${String(type)}, which is not documented`];
  const schema = media['schema'] as Json;
  // Each part by itself: problems have one in common, which is compiled once.
  const parts = (schema['allOf'] as readonly Json[] | undefined) ?? [schema];
  const errors = parts.flatMap((part) => {
    const valid = validatorOf(part);
    return valid(reply.body) ? [] : (valid.errors ?? []);
  });
  return errors.map(
    ({ instancePath, message, params }) =>
      `${instancePath} ${String(message)} ${JSON.stringify(params)} in ${reply.text}`,
  );
}
