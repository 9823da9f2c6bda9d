import fc from 'fast-check';
import { queryErrors } from '../../src/doors/aws-query-errors';
import type { QueryService } from '../../src/doors/aws-query';
import { type OperationName, operationNamesOf, operationShapes } from '../../src/shapes';
import { valuesOf } from '../shapes/arbitraries';
import { botocoreForm, urlencode } from '../shapes/botocore-form';
import type { Reply } from '../support/wire';
import { processesOf } from './target';
import { type QueryTarget, inside, startQueryTarget } from './query-target';

const versions: Readonly<Record<QueryService, string>> = { iam: '2010-05-08', sts: '2011-06-15' };

const all = (['iam', 'sts'] as const).flatMap((service) =>
  operationNamesOf(service).map((name: OperationName) => ({ service, name })),
);

const codes = new Set(
  Object.entries(queryErrors).map(([code, row]) => ('code' in row ? row.code : code)),
);

let target: QueryTarget;
let processes: string[];
let answers = 0;

beforeAll(async () => {
  target = await startQueryTarget();
  processes = processesOf(target.daemon);
});
afterAll(() => target.daemon.remove());
afterEach(() => expect(processesOf(target.daemon)).toEqual(processes));

/** What every answer must be, whatever was sent. */
function expectProper({ status, headers, text }: Reply): void {
  answers++;
  expect(headers['content-type']).toBe('text/xml');
  expect(inside(text, 'RequestId')).toBe(headers['x-amzn-requestid']);
  expect([200, 400, 403, 404, 409]).toContain(status);
  // eslint-disable-next-line no-control-regex
  expect(text).not.toMatch(/[\0-\x08\x0b\x0c\x0e-\x1f]/);
  if (status !== 200) expect(codes).toContain(inside(text, 'Code'));
}

const operation = fc.constantFrom(...all);
const text = fc.string({ unit: 'binary', maxLength: 40 });

test('inputs of the right shape with one parameter of anything are answered in order', async () => {
  const input = operation.chain(({ service, name }) =>
    fc.record({
      service: fc.constant(service),
      form: valuesOf(operationShapes[name].input).map((value) => [
        ...([
          ['Action', name],
          ['Version', versions[service]],
        ] as [string, string][]),
        ...botocoreForm(operationShapes[name].input, value),
      ]),
      at: fc.nat(),
      anything: text,
      how: fc.constantFrom('value', 'name', 'nothing'),
    }),
  );
  await fc.assert(
    fc.asyncProperty(input, async ({ service, form, at, anything, how }) => {
      const index = 2 + (at % Math.max(1, form.length - 2));
      const spoilt = form.map(([name, value], i): [string, string] => {
        if (i !== index || how === 'nothing') return [name, value];
        return how === 'value' ? [name, anything] : [`${name}.${anything}`, value];
      });
      expectProper(await target.post(urlencode(spoilt), { service }));
    }),
    { numRuns: 250 },
  );
});

test('any parameters are answered in order', async () => {
  const parameters = fc.dictionary(text, text, { maxKeys: 5 });
  await fc.assert(
    fc.asyncProperty(operation, parameters, async ({ service, name }, more) => {
      const named = { Action: name, Version: versions[service], ...more };
      expectProper(await target.post(urlencode(Object.entries(named)), { service }));
    }),
    { numRuns: 100 },
  );
});

test('any text as a body is answered in order', async () => {
  const body = fc.oneof(
    text,
    fc.string({ unit: fc.constantFrom('%', '&', '=', '.', 'A', '4', '+') }),
  );
  await fc.assert(
    fc.asyncProperty(body, async (some) => expectProper(await target.post(some))),
    { numRuns: 100 },
  );
});

test('nothing of it was a fault of the daemon', () => {
  expect(answers).toBeGreaterThanOrEqual(450);
  expect(target.daemon.log.filter(({ level }) => level === 'error')).toEqual([]);
});
