import { randomBytes } from 'node:crypto';
import { type Example, examples } from '../../src/rest/examples';
import * as values from '../../src/rest/examples/values';
import type { Json } from '../../src/rest/openapi/types';
import { iamClient, makeIamUser } from '../support/iam-client';
import { wrapMaterial } from '../support/imports';
import { type KeyStoreStage, openKeyStoreStage } from '../support/key-stores';
import { documentedAnswers } from '../support/documented-answers';
import { requestWith } from '../support/documented-requests';
import { type DocumentedOperation, documentedOperations } from '../support/openapi';
import { type RestReply, rest } from '../support/rest';

let stage: KeyStoreStage;
beforeAll(async () => {
  stage = await openKeyStoreStage();
  await makeIamUser(iamClient(stage.daemon), 'invoicing');
  await makeOtherKeys();
  makeStoreKnown();
});
afterAll(() => stage.remove());

const judge = documentedAnswers();
const documented = new Map(
  documentedOperations().map((one) => [one.operation.operationId, one] as const),
);
/** What stands for the values of the examples, by these. */
const real = new Map<string, string>();
const learned = new Set<string>(Object.values(values).filter((value) => typeof value === 'string'));

/** Each in a state of affairs that it works in. */
const order = [
  ...['CreateKey', 'ListKeys', 'DescribeKey', 'UpdateKeyDescription'],
  ...['Encrypt', 'Decrypt', 'ReEncrypt', 'Batch', 'GetKeyLastUsage'],
  ...['GenerateDataKey', 'GenerateDataKeyWithoutPlaintext', 'GenerateDataKeyPair'],
  ...['GenerateDataKeyPairWithoutPlaintext', 'GenerateRandom'],
  ...['Sign', 'Verify', 'GetPublicKey', 'GenerateMac', 'VerifyMac', 'DeriveSharedSecret'],
  ...['CreateAlias', 'ListAliases', 'UpdateAlias', 'DeleteAlias'],
  ...['CreateGrant', 'ListGrants', 'ListRetirableGrants', 'RevokeGrant', 'CreateGrant'],
  ...['RetireGrant', 'GetKeyPolicy', 'PutKeyPolicy', 'ListKeyPolicies'],
  ...['TagResource', 'ListResourceTags', 'UntagResource'],
  ...['EnableKeyRotation', 'GetKeyRotationStatus', 'RotateKeyOnDemand', 'ListKeyRotations'],
  ...['DisableKeyRotation', 'DisableKey', 'EnableKey', 'ScheduleKeyDeletion', 'CancelKeyDeletion'],
  ...['GetParametersForImport', 'ImportKeyMaterial', 'DeleteImportedKeyMaterial'],
  ...['CreateCustomKeyStore', 'DescribeCustomKeyStores', 'ConnectCustomKeyStore'],
  ...['DisconnectCustomKeyStore', 'UpdateCustomKeyStore', 'DeleteCustomKeyStore'],
  ...['CreateApiToken', 'ListApiTokens', 'DeleteApiToken'],
];

/** SoftHSM makes no keys of ML-KEM. */
const elsewhere = ['Encapsulate', 'Decapsulate'];

test('The examples of all operations are sent', () => {
  expect([...new Set([...order, ...elsewhere])].sort()).toEqual([...documented.keys()].sort());
});

test.each(order)(
  'The example of %s is answered as its answer and the document say',
  async (name) => {
    const { input, answer } = exampleOf(name);
    if (name === 'CreateGrant')
      [values.grantId, values.grantToken].forEach((old) => real.delete(old));
    if (name === 'ImportKeyMaterial') wrapForImport();
    const one = documentedAs(name);
    const reply = await ask(one, withReal(input) as Json);
    expect([reply.status, judge(one, reply)]).toEqual([successOf(one), []]);
    expect(members(reply.body)).toEqual(members(answer));
    learn(answer, reply.body);
  },
);

function exampleOf(name: string): Example {
  const example = (examples as Readonly<Record<string, Example | undefined>>)[name];
  if (example === undefined) throw new Error(`${name} has no example`);
  return example;
}

function documentedAs(name: string): DocumentedOperation {
  const one = documented.get(name);
  if (one === undefined) throw new Error(`${name} is not in the document`);
  return one;
}

function ask(one: DocumentedOperation, input: Json): Promise<RestReply> {
  const { line, body, headers } = requestWith(one, input);
  return rest(stage.daemon, line, body, { headers });
}

function successOf({ operation }: DocumentedOperation): number {
  return Number(Object.keys(operation.responses).find((status) => status.startsWith('2')));
}

/** Keys that are for something else than encryption: CreateKey's own example makes none of them. */
async function makeOtherKeys(): Promise<void> {
  const kinds: readonly (readonly [string, object])[] = [
    [values.signingKeyId, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' }],
    [values.macKeyId, { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' }],
    [values.agreementKeyId, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }],
    [values.importedKeyId, { Origin: 'EXTERNAL' }],
  ];
  for (const [id, kind] of kinds) {
    const { body } = await rest(stage.daemon, 'POST /v1/keys', kind);
    real.set(id, (body as { KeyMetadata: { KeyId: string } }).KeyMetadata.KeyId);
  }
}

/** The example names a cluster of the stage, but neither its password nor its certificate. */
function makeStoreKnown(): void {
  const { input } = exampleOf('CreateCustomKeyStore');
  real.set(String(input['KeyStorePassword']), stage.tokens[0].pin);
  real.set(String(input['TrustAnchorCertificate']), stage.trustAnchor);
}

/** What the owner of key material makes of the answer of GetParametersForImport. */
function wrapForImport(): void {
  const publicKey = Buffer.from(real.get(values.importPublicKey) ?? '', 'base64');
  const material = wrapMaterial('RSAES_OAEP_SHA_256', publicKey, randomBytes(32));
  real.set(values.encryptedMaterial, material.toString('base64'));
}

/** From an example's answer and the real one, what stands for what. */
function learn(example: unknown, answer: unknown): void {
  if (typeof example === 'string' && typeof answer === 'string') {
    if (learned.has(example) && !real.has(example)) real.set(example, answer);
  } else if (typeof example === 'object' && typeof answer === 'object') {
    for (const name of Object.keys(example ?? {})) {
      learn((example as Json)[name], (answer as Json | null)?.[name]);
    }
  }
}

function withReal(value: unknown): unknown {
  if (typeof value === 'string') {
    return [...real].reduce((text, [example, known]) => text.replaceAll(example, known), value);
  }
  if (Array.isArray(value)) return value.map(withReal);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, withReal(one)]));
}

/** The names of an answer's members, of lists those of the first element. */
function members(value: unknown): unknown {
  if (Array.isArray(value)) return value.slice(0, 1).map(members);
  if (typeof value !== 'object' || value === null) return undefined;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, members(one)]));
}
