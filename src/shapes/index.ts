import type { ValidateFunction } from 'ajv';
import { KmsError } from '../errors';
import { decoderFor, type Decoder } from './decode';
import {
  operationShapes,
  type OperationInputs,
  type OperationName,
  type OperationOutputs,
} from './operations';
import { newValidatorCompiler, schemaFor } from './schema';
import { validationMessage } from './violations';

export { parseBody } from './body';
export { formInput } from './form';
export { type Fault, maxFaults, strictInput, unknownMember } from './strict';
export { memberPath } from './violations';
export { writeOutput, writeOutputRfc3339 } from './write';
export { escapeXml, writeXml } from './xml';
export * from './operations';

interface InputParser {
  readonly decode: Decoder;
  readonly validate: ValidateFunction;
}

/** Made at an operation's first request and kept: compiling takes milliseconds, and most workers see few operations. */
const parsers = new Map<OperationName, InputParser>();

/**
 * An operation's input from its JSON value: base64 to Buffer, epoch seconds to Date, null and unknown members gone. The
 * maps in it have no prototype. The value given is not changed and shares nothing with the result.
 *
 * Throws SerializationException for the first value of a wrong type, then ValidationException for all violations of the
 * model's constraints at once, in AWS's order of the two (kms-semantics §0).
 */
export function parseInput<N extends OperationName>(name: N, json: unknown): OperationInputs[N] {
  const { decode, validate } = parserFor(name);
  const input = decode(json);
  if (!validate(input)) {
    throw new KmsError('ValidationException', validationMessage(validate.errors ?? [], input));
  }
  return input as OperationInputs[N];
}

/** The answer that writeOutput wrote. */
export function readOutput<N extends OperationName>(name: N, text: string): OperationOutputs[N] {
  const { output } = operationShapes[name];
  const read: unknown = output === undefined ? {} : decoderFor(output)(JSON.parse(text));
  return read as OperationOutputs[N];
}

function parserFor(name: OperationName): InputParser {
  let parser = parsers.get(name);
  if (parser === undefined) {
    const { input } = operationShapes[name];
    parser = {
      decode: decoderFor(input),
      validate: newValidatorCompiler().compile(schemaFor(input)),
    };
    parsers.set(name, parser);
  }
  return parser;
}
