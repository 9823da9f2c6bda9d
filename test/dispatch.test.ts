import { readdir } from 'node:fs/promises';
import { CreateKeyCommand, GenerateRandomCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import fc from 'fast-check';
import type { AuditWriter } from '../src/audit';
import { DatabaseError } from '../src/db';
import type { Corridor, DoorRequest, RequestEvent } from '../src/corridor';
import { handle } from '../src/dispatch';
import { KmsError } from '../src/errors';
import { type KeyState, operations as shapeOperations } from '../src/shapes/kms.generated';
import { operationNamesOf, parseInput, writeOutput } from '../src/shapes';
import type { KeyUse } from '../src/keys/key-uses';
import { operations } from '../src/operations';
import { noIdentity } from '../src/policy/identity';
import { valuesOf, wireForm } from './shapes/arbitraries';
import { type TestDaemon, startDaemon } from './support/daemon';
import { administer } from './support/postgres';
import { accountId, callFacts, keyWith, place, rootOf, userOf } from './support/sample-keys';

const internal = {
  code: 'KMSInternalException',
  message: 'The request failed because of an internal error. You can retry the request.',
};

interface Trial {
  readonly corridor: Corridor;
  /** Audit records, parsed. */
  readonly records: Readonly<Record<string, unknown>>[];
  readonly events: RequestEvent[];
  /** What keys were used for. */
  readonly uses: object[];
  /** What was used, in order. */
  readonly steps: string[];
  /** What the token's generator gave. */
  readonly drawn: Buffer[];
}

/** A corridor over an audit writer that fails on demand, which a real one does not. */
function trial(failures = 0, state: KeyState = 'Disabled'): Trial {
  const [records, events, steps]: [Trial['records'], RequestEvent[], string[]] = [[], [], []];
  const uses: object[] = [];
  const drawn: Buffer[] = [];
  let failing = failures;
  const audit: AuditWriter = {
    append: (line) => {
      steps.push('audit');
      if (failing-- > 0) return Promise.reject(new DatabaseError('timeout', 'slow'));
      records.push(JSON.parse(line) as Record<string, unknown>);
      return Promise.resolve();
    },
    commitWith: () => Promise.reject(new Error('nothing is written here')),
    close: () => Promise.resolve(),
  };
  const services = {
    place,
    token: {
      generateRandom: (length: number) => {
        steps.push('token');
        const bytes = Buffer.alloc(length, 7);
        drawn.push(bytes);
        return bytes;
      },
    },
    grantFinder: { of: () => [] },
    identities: { of: () => noIdentity },
    finder: {
      resolve: (_value: string, { action }: { action: string }) => {
        steps.push('resolve');
        return Promise.resolve({ key: keyWith({ state }), action });
      },
    },
    encryption: {
      by: () => ({
        requireFits: () => undefined,
        encrypt: () => Promise.resolve({ blob: Buffer.from('sealed') }),
      }),
    },
    keyUses: {
      note: (keyId: string, use: KeyUse) => {
        steps.push('use');
        uses.push({ keyId, ...use });
      },
    },
  };
  const corridor = {
    ...{ services, audit, service: { region: 'us-east-1', accountId: '000000000000' } },
    onRequest: (event: RequestEvent) => void events.push(event),
  } as unknown as Corridor;
  return { corridor, records, events, uses, steps, drawn };
}

/** As the AWS doors read it. */
function inputOf(json: () => unknown): DoorRequest['input'] {
  return (name) => parseInput(name, json());
}

function request(different: Partial<DoorRequest> = {}, steps: string[] = []): DoorRequest {
  return {
    requestId: 'the-request',
    service: 'kms',
    operation: () => 'GenerateRandom',
    origin: callFacts.origin,
    authenticate: () => {
      steps.push('authenticate');
      return rootOf(accountId);
    },
    input: inputOf(() => {
      steps.push('body');
      return { NumberOfBytes: 3 };
    }),
    write: writeOutput,
    ...different,
  };
}

describe('the corridor', () => {
  test('walks its steps in order and answers after the record', async () => {
    const { corridor, records, events, steps } = trial();
    expect(await handle(corridor, request({}, steps))).toEqual({
      ok: true,
      output: '{"Plaintext":"BwcH"}',
    });
    expect(steps).toEqual(['authenticate', 'body', 'token', 'audit']);
    expect(records).toMatchObject([{ eventName: 'GenerateRandom', requestID: 'the-request' }]);
    expect(events).toMatchObject([{ outcome: 'ok', cause: undefined }]);
  });

  test('wipes what an answer showed once it is written, recorded or not', async () => {
    for (const failures of [0, 1]) {
      const { corridor, drawn } = trial(failures);
      const answer = await handle(corridor, request());
      expect(answer).toMatchObject({ ok: failures === 0 });
      expect(drawn).toEqual([Buffer.alloc(3)]);
    }
  });

  test.each([undefined, '', 'Nonsense', '__proto__', 'constructor', 'toString', 'encrypt'])(
    'does not even authenticate an operation called %p',
    async (operation) => {
      const { corridor, records, steps } = trial();
      expect(await handle(corridor, request({ operation: () => operation }, steps))).toMatchObject({
        ok: false,
        error: { code: 'UnknownOperationException', message: '' },
      });
      expect(steps).toEqual(['audit']);
      expect(records).toHaveLength(1);
    },
  );

  test('does not parse the body of a stranger', async () => {
    const { corridor, records, steps } = trial();
    const authenticate = () => Promise.reject(new KmsError('UnrecognizedClientException', 'no'));
    expect(await handle(corridor, request({ authenticate }, steps))).toMatchObject({
      ok: false,
      error: { code: 'UnrecognizedClientException', message: 'no' },
    });
    expect(steps).toEqual(['audit']);
    expect(records).toMatchObject([{ userIdentity: { type: 'Unknown' }, requestParameters: null }]);
  });

  test.each(operationNamesOf('kms').filter((name) => operations[name] === undefined))(
    'validates the input of %s before it says that it is not built',
    async (operation) => {
      const { corridor, records } = trial();
      const bad = await handle(
        corridor,
        request({ operation: () => operation, input: inputOf(() => []) }),
      );
      expect(bad).toMatchObject({ ok: false, error: { code: 'SerializationException' } });
      const [input] = fc.sample(valuesOf(shapeOperations[operation].input), {
        numRuns: 1,
        seed: 7,
      });
      const answer = await handle(
        corridor,
        request({ operation: () => operation, input: inputOf(() => wireForm(input)) }),
      );
      const message = `The operation ${operation} is not supported.`;
      expect(answer).toMatchObject({
        ok: false,
        error: { code: 'UnsupportedOperationException', message },
      });
      expect(records.map(({ eventName }) => eventName)).toEqual([operation, operation]);
    },
  );

  test('authorizes before it looks at a key’s state', async () => {
    const call = request({
      operation: () => 'Encrypt',
      input: inputOf(() => ({ KeyId: 'k', Plaintext: 'YQ==' })),
    });
    const { corridor, records, steps } = trial();
    expect(await handle(corridor, call)).toMatchObject({
      ok: false,
      error: { code: 'DisabledException', message: `${keyWith().arn} is disabled.` },
    });
    expect(steps).toEqual(['resolve', 'audit']);
    expect(records).toMatchObject([{ resources: [{ ARN: keyWith().arn }] }]);
    const denied = { ...call, authenticate: () => userOf(accountId, 'eve') };
    expect(await handle(corridor, denied)).toMatchObject({
      ok: false,
      error: { code: 'AccessDeniedException' },
    });
  });

  test('notes the use of a key once it is recorded, with the id of the record', async () => {
    const call = request({
      operation: () => 'Encrypt',
      input: inputOf(() => ({ KeyId: 'k', Plaintext: 'YQ==' })),
    });
    const { corridor, records, uses, steps } = trial(0, 'Enabled');
    expect(await handle(corridor, call)).toMatchObject({ ok: true });
    expect(steps).toEqual(['resolve', 'audit', 'use']);
    const eventId = records[0]?.['eventID'];
    const { keyId } = keyWith();
    const at = expect.any(Date) as Date;
    expect(uses).toEqual([{ keyId, operation: 'Encrypt', at, requestId: 'the-request', eventId }]);
    const unrecorded = trial(1, 'Enabled');
    expect(await handle(unrecorded.corridor, call)).toMatchObject({ ok: false });
    expect(unrecorded.uses).toEqual([]);
  });

  test('notes no use of a key that is only looked at', async () => {
    const call = request({
      operation: () => 'DescribeKey',
      input: inputOf(() => ({ KeyId: 'k' })),
    });
    const { corridor, uses } = trial(0, 'Enabled');
    expect(await handle(corridor, call)).toMatchObject({ ok: true });
    expect(uses).toEqual([]);
  });

  test('without a record gives no answer, though the work was done', async () => {
    const { corridor, records, events, steps } = trial(1);
    expect(await handle(corridor, request())).toMatchObject({
      ok: false,
      error: { code: 'DependencyTimeoutException' },
    });
    expect(steps).toEqual(['token', 'audit', 'audit']);
    expect(records).toMatchObject([{ errorCode: 'DependencyTimeoutException' }]);
    expect(events).toMatchObject([{ outcome: 'DependencyTimeoutException' }]);
  });

  test('does not say what was refused when the refusal cannot be recorded', async () => {
    const { corridor, records } = trial(1);
    const answer = await handle(corridor, request({ operation: () => 'Nonsense' }));
    expect(answer).toMatchObject({ ok: false, error: { code: 'DependencyTimeoutException' } });
    expect(records).toEqual([]);
  });

  test('never rejects: what nobody foresaw is an opaque error with its cause for the log', async () => {
    const { corridor, events } = trial();
    const fault = new TypeError('secret of the implementation');
    const input = () => {
      throw fault;
    };
    expect(await handle(corridor, request({ input }))).toMatchObject({
      ok: false,
      error: internal,
    });
    expect(events).toMatchObject([{ outcome: 'KMSInternalException', cause: fault }]);
  });
});

describe('a daemon whose audit cannot be written', () => {
  let daemon: TestDaemon;
  beforeAll(async () => {
    daemon = await startDaemon();
  });
  afterAll(() => daemon.remove());

  const rename = (from: string, to: string): Promise<unknown> =>
    administer(daemon.databaseUrl, `alter table ${from} rename to ${to}`);
  const keys = (): Promise<unknown> =>
    administer(daemon.databaseUrl, 'select key_id from kms_key order by key_id');
  const tokenObjects = async (): Promise<string[]> =>
    (await readdir(daemon.token.tokenDir, { recursive: true }))
      .filter((file) => file.endsWith('.object'))
      .sort();

  test('answers with an internal error, makes no key, and serves on when it can', async () => {
    const kms = daemon.client();
    const made = await kms.send(new CreateKeyCommand({}));
    const before = [await keys(), await tokenObjects()];
    await rename('audit_record', 'audit_record_away');
    const refused = {
      name: internal.code,
      message: internal.message,
      $metadata: { httpStatusCode: 500 },
    };
    await expect(kms.send(new CreateKeyCommand({}))).rejects.toMatchObject(refused);
    await expect(kms.send(new GenerateRandomCommand({ NumberOfBytes: 8 }))).rejects.toMatchObject(
      refused,
    );
    await expect(kms.send(new ListKeysCommand({ Limit: 0 }))).rejects.toMatchObject(refused);
    expect([await keys(), await tokenObjects()]).toEqual(before);
    await rename('audit_record_away', 'audit_record');
    expect((await kms.send(new CreateKeyCommand({}))).KeyMetadata?.KeyId).not.toBe(
      made.KeyMetadata?.KeyId,
    );
    expect((await tokenObjects()).length).toBe((before[1] as string[]).length + 1);
    kms.destroy();
  });
});
