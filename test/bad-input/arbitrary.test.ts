import { randomBytes } from 'node:crypto';
import fc from 'fast-check';
import { operationShapes, operationNamesOf } from '../../src/shapes/operations';
import { wireErrors } from '../../src/doors/aws-json-errors';
import { valuesOf, wireForm } from '../shapes/arbitraries';
import { RawConnection } from '../support/raw-http';
import { type Answer, type Target, processesOf, startTarget } from './target';

let target: Target;
let processes: string[];
const requestIds: string[] = [];

beforeAll(async () => {
  target = await startTarget();
  processes = processesOf(target.daemon);
});
afterAll(() => target.close());
afterEach(() => expect(processesOf(target.daemon)).toEqual(processes));

async function send(operation: string, body: unknown): Promise<Answer> {
  const answer = await target.send(operation, body);
  requestIds.push(answer.requestId);
  return answer;
}

const codes = new Set(Object.keys(wireErrors));

/** What every answer must be, whatever was sent. */
function expectProper({ status, requestId, body }: Answer): void {
  expect(requestId).toMatch(
    /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/,
  );
  expect([200, 400]).toContain(status);
  if (status === 400) expect(codes).toContain(body['__type']);
}

const operation = fc.constantFrom(...operationNamesOf('kms'));

describe('bodies', () => {
  test('any JSON to any operation is answered in order', async () => {
    const body = fc.oneof(fc.json(), fc.json({ stringUnit: 'binary', maxDepth: 6 }));
    await fc.assert(
      fc.asyncProperty(operation, body, async (name, text) => expectProper(await send(name, text))),
      { numRuns: 200 },
    );
  });

  test('inputs of the right shape with one member of anything are answered in order', async () => {
    const input = operation.chain((name) =>
      fc.record({
        name: fc.constant(name),
        body: valuesOf(operationShapes[name].input).map((value) => wireForm(value) as object),
        member: fc.nat(),
        anything: fc.jsonValue(),
        spoil: fc.boolean(),
      }),
    );
    await fc.assert(
      fc.asyncProperty(input, async ({ name, body, member, anything, spoil }) => {
        const members = Object.keys(body);
        const spoilt = members[member % Math.max(1, members.length)] ?? 'KeyId';
        expectProper(await send(name, spoil ? { ...body, [spoilt]: anything } : body));
      }),
      { numRuns: 250 },
    );
  });

  test('any bytes as a body are answered in order', async () => {
    const bytes = fc.uint8Array({ maxLength: 300 }).map((some) => Buffer.from(some));
    await fc.assert(
      fc.asyncProperty(operation, bytes, async (name, body) => {
        const answer = await send(name, body);
        expectProper(answer);
        if (body.length > 0) expect(answer.status).toBe(400);
      }),
      { numRuns: 100 },
    );
  });
});

describe('ciphertexts', () => {
  /** The one answer for what no key made; the other is for a key that is not there (kms-semantics §4.4). */
  const refusals = ['InvalidCiphertextException', 'AccessDeniedException'];

  test('arbitrary bytes are no ciphertext, to Decrypt and to ReEncrypt', async () => {
    const blob = fc.uint8Array({ minLength: 1, maxLength: 400 }).map((b) => Buffer.from(b));
    await fc.assert(
      fc.asyncProperty(blob, fc.boolean(), async (bytes, again) => {
        const CiphertextBlob = bytes.toString('base64');
        const answer = again
          ? await send('ReEncrypt', { CiphertextBlob, DestinationKeyId: target.keyId })
          : await send('Decrypt', { CiphertextBlob });
        expect(answer.status).toBe(400);
        expect(refusals).toContain(answer.body['__type']);
      }),
      { numRuns: 120 },
    );
  });

  test('a ciphertext that was changed, cut or lengthened anywhere opens for nobody', async () => {
    const Plaintext = randomBytes(40).toString('base64');
    const made = await send('Encrypt', { KeyId: target.keyId, Plaintext });
    const good = Buffer.from(String(made.body['CiphertextBlob']), 'base64');
    const change = fc.record({
      at: fc.nat({ max: good.length - 1 }),
      by: fc.integer({ min: 1, max: 255 }),
      how: fc.constantFrom('flip', 'cut', 'extend'),
      named: fc.boolean(),
    });
    const changed = {
      flip: (at: number, by: number) => {
        const copy = Buffer.from(good);
        copy[at] = (copy[at] ?? 0) ^ by;
        return copy;
      },
      cut: (at: number) => good.subarray(0, Math.max(1, at)),
      extend: (_at: number, by: number) => Buffer.concat([good, Buffer.alloc(by)]),
    };
    await fc.assert(
      fc.asyncProperty(change, async ({ at, by, how, named }) => {
        const CiphertextBlob = changed[how](at, by).toString('base64');
        const KeyId = named ? { KeyId: target.keyId } : {};
        const answer = await send('Decrypt', { CiphertextBlob, ...KeyId });
        expect(answer.status).toBe(400);
        expect([...refusals, 'IncorrectKeyException']).toContain(answer.body['__type']);
        expect(answer.text).not.toContain(Plaintext);
      }),
      { numRuns: 120 },
    );
  });
});

describe('identifiers', () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 12 }),
    fc.constantFrom('aws', 'kms'),
  );
  const arn = fc
    .array(part, { minLength: 1, maxLength: 8 })
    .map((parts) => ['arn', ...parts].join(':'));
  const long = fc.string({ unit: 'binary-ascii', minLength: 2000, maxLength: 2048 });
  const near = fc
    .tuple(fc.constantFrom('alias/', 'mrk-', 'arn:aws:kms:us-east-1:111122223333:'), part)
    .map(([start, rest]) => start + rest);
  const keyId = fc.oneof(fc.string({ unit: 'binary' }), arn, near, long);
  const notFound = [
    'NotFoundException',
    'InvalidArnException',
    'ValidationException',
    'SerializationException',
    'AccessDeniedException',
  ];

  test('any text as a KeyId finds nothing and is answered in order', async () => {
    await fc.assert(
      fc.asyncProperty(
        keyId,
        fc.constantFrom('DescribeKey', 'DisableKey', 'GenerateDataKey', 'ListAliases'),
        async (KeyId, name) => {
          const answer = await send(name, { KeyId, NumberOfBytes: 8 });
          expect(answer.status).toBe(400);
          expect(notFound).toContain(answer.body['__type']);
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('bytes on a socket', () => {
  const requestLike = fc
    .tuple(
      fc.constantFrom('POST / HTTP/1.1', 'GET /healthz HTTP/1.1', 'POST /? HTTP/1.0', 'PRI *'),
      fc.array(fc.string({ unit: 'binary-ascii', maxLength: 30 }), { maxLength: 6 }),
      fc.string({ unit: 'binary-ascii' }),
    )
    .map(([start, head, body]) => [start, 'Host: x', ...head, '', body].join('\r\n'));
  const garbage = fc.uint8Array({ maxLength: 500 }).map((b) => Buffer.from(b).toString('latin1'));

  test('are answered or the connection is closed, and the next request is served', async () => {
    await fc.assert(
      fc.asyncProperty(fc.oneof(requestLike, garbage), async (text) => {
        const connection = await RawConnection.open(target.daemon.port);
        connection.write(text);
        connection.socket.end();
        expect(await connection.end()).toMatch(/^$|^HTTP\/1\.1 [2345]\d\d /);
        expect(connection.received).not.toMatch(/^HTTP\/1\.1 5/);
      }),
      { numRuns: 150 },
    );
    expect((await send('ListKeys', {})).status).toBe(200);
  });
});

test('each request that was answered with a request id has one audit record', async () => {
  expect(requestIds.length).toBeGreaterThan(900);
  const counts = new Map<string, number>();
  for (const id of await target.audited()) counts.set(id, (counts.get(id) ?? 0) + 1);
  expect(requestIds.filter((id) => counts.get(id) !== 1)).toEqual([]);
  const faults = target.daemon.log.filter((line) => line['level'] === 'error');
  expect(faults).toEqual([]);
});
