import { readFileSync } from 'node:fs';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { operations } from '../../src/operations';
import { type OperationName, operationNamesOf } from '../../src/shapes';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { auditOf } from '../support/kms';
import { badRequest, call, refusal } from '../support/wire';

const KeyId = '00000000-1111-2222-3333-444444444444';

/** A minimal valid input of every operation that is not served; an operation that is missing here fails the test. */
const inputs: Readonly<Partial<Record<OperationName, object>>> = {
  ReplicateKey: { KeyId, ReplicaRegion: 'eu-west-1' },
  UpdatePrimaryRegion: { KeyId, PrimaryRegion: 'eu-west-1' },
};

const served = operationNamesOf('kms').filter((name) => operations[name] !== undefined);
const notServed = operationNamesOf('kms').filter((name) => operations[name] === undefined);

describe('The operations of the API', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon();
  });
  afterAll(() => daemon.remove());

  test('There are 56, each declared under its own name or not at all', () => {
    expect(operationNamesOf('kms')).toHaveLength(56);
    expect(served.map((name) => operations[name]?.name)).toEqual(served);
    expect(Object.keys(inputs).sort()).toEqual([...notServed].sort());
  });

  test.each(notServed)(
    '%s is known, says by name that it is not supported, and is recorded',
    async (name) => {
      const reply = await call(daemon, name, inputs[name] ?? {});
      expect(refusal(reply)).toEqual(
        badRequest('UnsupportedOperationException', `The operation ${name} is not supported.`),
      );
      expect(await auditOf(daemon, String(reply.headers['x-amzn-requestid']))).toMatchObject({
        eventName: name,
        errorCode: 'UnsupportedOperationException',
      });
    },
  );

  test.each(served)('%s is named by a conformance test', (name) => {
    const folder = path.resolve(__dirname, '..', '..', '..', 'test', 'conformance');
    const texts = readdirSync(folder)
      .filter((file) => file !== 'operations.test.ts')
      .map((file) => readFileSync(path.join(folder, file), 'utf8'));
    expect(
      texts.some((text) => text.includes(`${name}Command(`) || text.includes(`'${name}'`)),
    ).toBe(true);
  });
});
