import fc, { type Arbitrary } from 'fast-check';
import type { Json } from '../../src/rest/openapi/types';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { documentedAnswers } from '../support/documented-answers';
import { requestWith } from '../support/documented-requests';
import { type DocumentedOperation, documentedOperations, resolved } from '../support/openapi';
import { rest } from '../support/rest';
import { type TokenCaller, type TokenRequest, tokenCaller } from '../support/rest-by-token';
import { type Known, valuesOfSchema } from '../support/schema-arbitraries';

let daemon: TestDaemon;
let caller: TokenCaller;
let known: Known;
beforeAll(async () => {
  daemon = await startDaemon();
  caller = await tokenCaller(daemon);
  known = await makeKnown();
});
afterAll(async () => {
  caller.close();
  await daemon.remove();
});

const judge = documentedAnswers();
/** Of each operation. */
const numRuns = 15;
/** No more is sent after so long. What was sent is waited for, as a slow token may take longer for one RSA key. */
const sendingMs = 5_000;
const succeeded = new Set<string>();

/** Uses of keys first, so that most of the keys are good for something as long as they are used. */
const changes = /^(Disable|Schedule|Delete|Retire|Revoke|Put|Disconnect)/;
const operations = documentedOperations()
  .map((one) => [one.operation.operationId, one] as const)
  .sort(([one], [other]) => Number(changes.test(one)) - Number(changes.test(other)));

test.each(operations)(
  '%s is answered as documented, whatever is sent',
  async (name, documented) => {
    const request = fc.oneof(
      { weight: 3, arbitrary: inputsOf(documented).map((input) => wireOf(documented, input)) },
      { weight: 2, arbitrary: spoiltRequests(documented) },
    );
    const end = performance.now() + sendingMs;
    await fc.assert(
      fc.asyncProperty(request, async (sent) => {
        if (performance.now() > end) return;
        const reply = await caller.ask(sent);
        if (reply.status < 300) succeeded.add(name);
        expect([reply.status, judge(documented, reply)]).toEqual([reply.status, []]);
        expect(reply.status).not.toBe(500);
      }),
      { numRuns },
    );
  },
);

test('Much of it was good for something', () => {
  expect([...succeeded].length).toBeGreaterThan(20);
});

function inputsOf({ operation }: DocumentedOperation): Arbitrary<Json> {
  const required: string[] = [];
  const members: Record<string, Arbitrary<unknown>> = {};
  for (const given of operation.parameters ?? []) {
    const {
      name,
      schema,
      required: needed,
    } = resolved(given) as Readonly<Record<string, unknown>> & {
      readonly name: string;
    };
    members[name] = valuesOfSchema(schema, known, name);
    if (needed === true) required.push(name);
  }
  const parameters = fc.record(members, { requiredKeys: required, noNullPrototype: true });
  const body = bodySchemaOf(operation);
  if (body === undefined) return parameters;
  return fc
    .tuple(parameters, valuesOfSchema(body, known))
    .map(([inUrl, inBody]) => ({ ...(inBody as Json), ...inUrl }));
}

function bodySchemaOf({ requestBody }: DocumentedOperation['operation']): unknown {
  const { content } = (requestBody ?? {}) as { readonly content?: Readonly<Record<string, Json>> };
  return content?.['application/json']?.['schema'];
}

function wireOf(documented: DocumentedOperation, input: Json): TokenRequest {
  const { line, body, headers } = requestWith(documented, input);
  const [method = '', path = ''] = line.split(' ');
  if (body === undefined) return { method, path, headers };
  const json = { 'content-type': 'application/json', ...headers };
  return { method, path, headers: json, body: JSON.stringify(body) };
}

/** Good requests with one fault. */
function spoiltRequests(documented: DocumentedOperation): Arbitrary<TokenRequest> {
  return fc
    .tuple(
      inputsOf(documented),
      fc.constantFrom(...faults),
      fc.nat(),
      fc.jsonValue({ maxDepth: 2 }),
    )
    .map(([input, fault, nth, value]) => {
      const sound = wireOf(documented, input);
      const members = Object.keys(input);
      const member = members[nth % Math.max(1, members.length)] ?? 'KeyId';
      return fault({ documented, input, sound, member, value });
    });
}

interface Spoiling {
  readonly documented: DocumentedOperation;
  readonly input: Json;
  readonly sound: TokenRequest;
  /** One of the input's. */
  readonly member: string;
  readonly value: unknown;
}

const faults: readonly ((spoiling: Spoiling) => TokenRequest)[] = [
  ({ documented, input, member, value }) =>
    wireOf(documented, { ...input, [member]: urlSafe(documented, member, value) }),
  ({ documented, input, member }) => wireOf(documented, { ...input, [member]: 'a'.repeat(9000) }),
  ({ documented, input, member }) => {
    const { [member]: _, ...others } = input;
    return wireOf(documented, documented.path.includes(`{${member}}`) ? input : others);
  },
  ({ sound }) => ({ ...sound, path: `${sound.path}${sound.path.includes('?') ? '&' : '?'}Odd=1` }),
  ({ sound, value }) => ({ ...sound, body: JSON.stringify({ Odd: value }) }),
  ({ sound, value }) => ({
    ...sound,
    headers: { ...sound.headers, 'content-type': 'application/json' },
    body: JSON.stringify(value),
  }),
  ({ sound }) => ({ ...sound, headers: { 'content-type': 'text/plain' }, body: '{}' }),
  ({ sound }) => ({ ...sound, headers: { 'content-type': 'application/json' }, body: '{"Odd' }),
  ({ sound }) => ({ ...sound, headers: { ...sound.headers, authorization: 'Bearer clv_none' } }),
  ({ sound }) => ({ ...sound, headers: { ...sound.headers, authorization: '' } }),
  ({ sound }) => ({ ...sound, headers: { ...sound.headers, 'idempotency-key': ' ' } }),
];

/** A path without one of its parameters is another path. */
function urlSafe({ path }: DocumentedOperation, member: string, value: unknown): unknown {
  return path.includes(`{${member}}`) ? `x${JSON.stringify(value)}` : value;
}

/** Things that there are, for requests to be about. */
async function makeKnown(): Promise<Known> {
  const keys = await Promise.all(kinds.map((kind) => made('POST /v1/keys', kind)));
  const ids = keys.map(({ KeyMetadata }) => (KeyMetadata as { readonly KeyId: string }).KeyId);
  const [first = '', disabled = '', dying = ''] = ids;
  await rest(daemon, `POST /v1/keys/${disabled}/disable`);
  await rest(daemon, `DELETE /v1/keys/${dying}`);
  await rest(daemon, 'POST /v1/aliases', { AliasName: 'alias/known', TargetKeyId: first });
  const { CiphertextBlob } = await made(`POST /v1/keys/${first}/encrypt`, { Plaintext: 'YQ==' });
  const { GrantId, GrantToken } = await made(`POST /v1/keys/${first}/grants`, {
    GranteePrincipal: `arn:aws:iam::${daemon.accountId}:root`,
    Operations: ['Encrypt'],
  });
  const names = [...ids, 'alias/known', `arn:aws:kms:us-east-1:${daemon.accountId}:alias/known`];
  return {
    KeyId: names,
    TargetKeyId: ids,
    DestinationKeyId: names,
    SourceKeyId: names,
    CiphertextBlob: [CiphertextBlob],
    GrantId: [GrantId],
    GrantToken: [GrantToken],
    GrantTokens: [[GrantToken]],
    AliasName: ['alias/known', 'alias/other'],
    GranteePrincipal: [`arn:aws:iam::${daemon.accountId}:root`],
    RetiringPrincipal: [`arn:aws:iam::${daemon.accountId}:root`],
    SigningAlgorithm: ['ECDSA_SHA_256'],
    MacAlgorithm: ['HMAC_SHA_256'],
    PolicyName: ['default'],
    Recipient: [undefined],
    DryRun: [undefined, true],
    PendingWindowInDays: [7, 30],
  };
}

/** The first is good for most, the second will be disabled, the third deleted. */
const kinds: readonly object[] = [
  ...[{}, {}, {}, { Origin: 'EXTERNAL' }],
  { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' },
  { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' },
  { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' },
  { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' },
];

async function made(line: string, body: object): Promise<Json> {
  const reply = await rest(daemon, line, body);
  if (reply.status >= 300) throw new Error(`${line} was answered ${reply.text}`);
  return reply.body ?? {};
}
