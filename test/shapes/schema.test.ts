import { Ajv } from 'ajv';
import { operationShapes } from '../../src/shapes';
import { newValidatorCompiler, schemaFor } from '../../src/shapes/schema';

const inputs = Object.values(operationShapes).map(({ input }) => input);

test.each(inputs)('the schema of %s is one, and has a validator', (input) => {
  expect(new Ajv({ allErrors: true }).validateSchema(schemaFor(input))).toBe(true);
  expect(() => newValidatorCompiler().compile(schemaFor(input))).not.toThrow();
});
