import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import { routes } from '../../src/rest/routes';
import { wrapMaterial } from '../support/imports';
import { callKem } from '../support/kem-keys';
import { type KeyStoreStage, openKeyStoreStage } from '../support/key-stores';
import { auditOf } from '../support/kms';
import { type Members, type Succeeded, idIn, problemOf, succeeded } from '../support/rest-answers';

/** Every operation once by its route, on a daemon that has all that they need. */
let stage: KeyStoreStage;
beforeAll(async () => {
  stage = await openKeyStoreStage();
});
afterAll(() => stage.remove());

/** Routes that answered as they should, by their operations. */
const answered = new Set<string>();

async function done(line: string, body?: object): Promise<Succeeded> {
  const reply = await succeeded(stage.daemon, line, body);
  answered.add(reply.route.operation);
  return reply;
}

const problem = (line: string, body?: object): Promise<Members> =>
  problemOf(stage.daemon, line, body);

/** A new key's path. */
async function makeKey(input: object = {}): Promise<string> {
  return String((await done('POST /v1/keys', input)).headers.location);
}

const message = Buffer.from('attack at dawn').toString('base64');
const text = (value: unknown): string => value as string;
const bytes = (value: unknown): Buffer => Buffer.from(text(value), 'base64');
const rfc3339 = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/;

test('A key is made, found where it is said to be, and described with its dates as RFC 3339 has them', async () => {
  const made = await done('POST /v1/keys', { Description: 'by REST' });
  const { KeyMetadata } = made.body as { KeyMetadata: Members };
  expect(made.headers.location).toBe(`/v1/keys/${text(KeyMetadata['KeyId'])}`);
  expect(KeyMetadata['CreationDate']).toMatch(rfc3339);
  const told = await done(`GET ${text(made.headers.location)}`);
  expect(told.body).toEqual(made.body);
  const byArn = await done(`GET /v1/keys/${encodeURIComponent(text(KeyMetadata['Arn']))}`);
  expect(byArn.body).toEqual(made.body);
  expect((await done('GET /v1/keys')).body['Keys']).toContainEqual({
    KeyId: KeyMetadata['KeyId'],
    KeyArn: KeyMetadata['Arn'],
  });
  const record = await auditOf(stage.daemon, text(made.headers['x-amzn-requestid']));
  expect(record).toMatchObject({
    eventName: 'CreateKey',
    requestParameters: { description: 'by REST' },
  });
});

test('A key is changed, however often the same is said', async () => {
  const key = await makeKey();
  for (const line of ['first', 'again']) {
    await done(`PUT ${key}/description`, { Description: 'new' });
    await done(`PUT ${key}/rotation`, { RotationPeriodInDays: 90 });
    expect(line).toEqual(expect.any(String));
  }
  const { body } = await done(`GET ${key}/rotation`);
  expect(body).toMatchObject({ KeyRotationEnabled: true, RotationPeriodInDays: 90 });
  expect(body['NextRotationDate']).toMatch(rfc3339);
  await done(`DELETE ${key}/rotation`);
  await done(`DELETE ${key}/rotation`);
  await done(`POST ${key}/disable`);
  expect(await problem(`POST ${key}/encrypt`, { Plaintext: message })).toEqual({
    status: 409,
    code: 'DisabledException',
  });
  await done(`POST ${key}/enable`, {});
  await done(`POST ${key}/rotations`);
  const { body: rotations } = await done(
    `GET ${key}/rotations?IncludeKeyMaterial=ALL_KEY_MATERIAL`,
  );
  expect((rotations['Rotations'] as Members[]).length).toBeGreaterThanOrEqual(1);
  await done(`GET ${key}/last-usage`);
});

test('A key has a policy, and is deleted and kept', async () => {
  const key = await makeKey();
  expect((await done(`GET ${key}/policies`)).body).toEqual({ PolicyNames: ['default'] });
  const { body } = await done(`GET ${key}/policy?PolicyName=default`);
  const Policy = text(body['Policy']);
  await done(`PUT ${key}/policy`, { Policy });
  await done(`PUT ${key}/policy`, { Policy, PolicyName: 'default' });
  const deleted = await done(`DELETE ${key}?PendingWindowInDays=7`);
  expect(deleted.body).toMatchObject({ KeyState: 'PendingDeletion', PendingWindowInDays: 7 });
  expect(deleted.body['DeletionDate']).toMatch(rfc3339);
  expect(await problem(`DELETE ${key}`)).toEqual({ status: 409, code: 'KMSInvalidStateException' });
  expect((await done(`POST ${key}/cancel-deletion`)).body['KeyId']).toMatch(/^arn:/);
});

test('A symmetric key encrypts, decrypts, re-encrypts and makes data keys', async () => {
  const [key, other] = [await makeKey(), await makeKey()];
  const EncryptionContext = { document: '17', __proto: 'x' };
  const sealed = await done(`POST ${key}/encrypt`, { Plaintext: message, EncryptionContext });
  const { CiphertextBlob } = sealed.body;
  const opened = await done(`POST ${key}/decrypt`, { CiphertextBlob, EncryptionContext });
  expect(opened.body['Plaintext']).toBe(message);
  const moved = await done(`POST ${other}/re-encrypt`, {
    CiphertextBlob,
    SourceEncryptionContext: EncryptionContext,
  });
  const again = await done(`POST ${other}/decrypt`, {
    CiphertextBlob: moved.body['CiphertextBlob'],
  });
  expect(again.body['Plaintext']).toBe(message);
  expect(await problem(`POST ${other}/decrypt`, { CiphertextBlob, EncryptionContext })).toEqual({
    status: 422,
    code: 'IncorrectKeyException',
  });
  expect(await problem(`POST ${key}/decrypt`, { CiphertextBlob })).toEqual({
    status: 422,
    code: 'InvalidCiphertextException',
  });
  const dataKey = await done(`POST ${key}/generate-data-key`, { KeySpec: 'AES_256' });
  expect(bytes(dataKey.body['Plaintext'])).toHaveLength(32);
  const wrapped = await done(`POST ${key}/generate-data-key-without-plaintext`, {
    NumberOfBytes: 16,
  });
  expect(Object.keys(wrapped.body)).not.toContain('Plaintext');
  const KeyPairSpec = 'ECC_NIST_P256';
  const pair = await done(`POST ${key}/generate-data-key-pair`, { KeyPairSpec });
  expect(pair.body).toMatchObject({
    KeyPairSpec,
    PrivateKeyPlaintext: expect.any(String) as string,
  });
  await done(`POST ${key}/generate-data-key-pair-without-plaintext`, { KeyPairSpec });
  const dry = await problem(`POST ${key}/encrypt`, { Plaintext: message, DryRun: true });
  expect(dry).toEqual({ status: 412, code: 'DryRunOperationException' });
});

test('Random bytes need no key', async () => {
  const { body } = await done('POST /v1/random', { NumberOfBytes: 24 });
  expect(bytes(body['Plaintext'])).toHaveLength(24);
});

test('An asymmetric key signs, and others agree and make MACs', async () => {
  const signer = await makeKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'SIGN_VERIFY' });
  const input = { Message: message, SigningAlgorithm: 'ECDSA_SHA_256' };
  const { body: signed } = await done(`POST ${signer}/sign`, input);
  const { body: published } = await done(`GET ${signer}/public-key`);
  const publicKey = createPublicKey({
    key: bytes(published['PublicKey']),
    format: 'der',
    type: 'spki',
  });
  expect(verify('sha256', bytes(message), publicKey, bytes(signed['Signature']))).toBe(true);
  const told = await done(`POST ${signer}/verify`, { ...input, Signature: signed['Signature'] });
  expect(told.body['SignatureValid']).toBe(true);
  const wrong = { ...input, Message: 'AAAA', Signature: signed['Signature'] };
  expect(await problem(`POST ${signer}/verify`, wrong)).toEqual({
    status: 422,
    code: 'KMSInvalidSignatureException',
  });

  const agreeing = await makeKey({ KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' });
  const peer = generateKeyPairSync('ec', { namedCurve: 'prime256v1' }).publicKey;
  const PublicKey = peer.export({ format: 'der', type: 'spki' }).toString('base64');
  const ECDH = { KeyAgreementAlgorithm: 'ECDH', PublicKey };
  const { body: shared } = await done(`POST ${agreeing}/derive-shared-secret`, ECDH);
  expect(bytes(shared['SharedSecret'])).toHaveLength(32);

  const macs = await makeKey({ KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  const ofMessage = { Message: message, MacAlgorithm: 'HMAC_SHA_256' };
  const { body: mac } = await done(`POST ${macs}/generate-mac`, ofMessage);
  const verified = await done(`POST ${macs}/verify-mac`, { ...ofMessage, Mac: mac['Mac'] });
  expect(verified.body['MacValid']).toBe(true);
});

/** SoftHSM has no such keys; a dry run goes as far as one can without. */
test('A key that encapsulates is asked on its own routes', async () => {
  const key = await makeKey();
  await callKem(stage.daemon, idIn(key));
  const EncapsulationAlgorithm = 'ML_KEM';
  const dry = { status: 412, code: 'DryRunOperationException' };
  expect(
    await problem(`POST ${key}/encapsulate`, { EncapsulationAlgorithm, DryRun: true }),
  ).toEqual(dry);
  const SharedSecretCiphertextBlob = randomBytes(1088).toString('base64');
  const opening = { SharedSecretCiphertextBlob, EncapsulationAlgorithm, DryRun: true };
  expect(await problem(`POST ${key}/decapsulate`, opening)).toEqual(dry);
  ['Encapsulate', 'Decapsulate'].forEach((name) => answered.add(name));
});

test('An alias is made, found, moved and deleted, with its slash escaped', async () => {
  const [key, other] = [await makeKey(), await makeKey()];
  const made = await done('POST /v1/aliases', {
    AliasName: 'alias/of/rest',
    TargetKeyId: idIn(key),
  });
  const alias = text(made.headers.location);
  expect([alias, made.text]).toEqual(['/v1/aliases/alias%2Fof%2Frest', '']);
  const named = '/v1/keys/alias%2Fof%2Frest';
  expect((await done(`GET ${named}`)).body).toMatchObject({ KeyMetadata: { KeyId: idIn(key) } });
  await done(`PUT ${alias}`, { TargetKeyId: idIn(other) });
  await done(`PUT ${alias}`, { TargetKeyId: idIn(other) });
  expect((await done(`GET ${named}`)).body).toMatchObject({ KeyMetadata: { KeyId: idIn(other) } });
  const { body } = await done(`GET /v1/aliases?KeyId=${idIn(other)}`);
  expect(body).toEqual({
    Aliases: [expect.objectContaining({ AliasName: 'alias/of/rest', TargetKeyId: idIn(other) })],
  });
  await done(`DELETE ${alias}`);
  expect(await problem(`DELETE ${alias}`)).toEqual({ status: 404, code: 'NotFoundException' });
});

test('Grants are made, listed, revoked and retired', async () => {
  const key = await makeKey();
  const root = `arn:aws:iam::${stage.daemon.accountId}:root`;
  const input = { GranteePrincipal: root, RetiringPrincipal: root, Operations: ['Encrypt'] };
  const made = await done(`POST ${key}/grants`, { ...input, Name: 'first' });
  const grant = text(made.headers.location);
  expect(grant).toBe(`${key}/grants/${text(made.body['GrantId'])}`);
  const { body: second } = await done(`POST ${key}/grants`, { ...input, Name: 'second' });
  const { body: listed } = await done(`GET ${key}/grants`);
  expect(listed['Grants']).toHaveLength(2);
  const principal = encodeURIComponent(root);
  const { body: retirable } = await done(`GET /v1/grants?RetiringPrincipal=${principal}`);
  expect(retirable['Grants']).toHaveLength(2);
  await done(`DELETE ${grant}`);
  expect(await problem(`DELETE ${grant}`)).toEqual({ status: 404, code: 'NotFoundException' });
  await done('POST /v1/grants/retire', { GrantToken: second['GrantToken'] });
  expect((await done(`GET ${key}/grants`)).body['Grants']).toEqual([]);
});

test('Tags are put, listed and taken away, several in one query', async () => {
  const key = await makeKey();
  const Tags = ['a', 'b c', 'd+e'].map((TagKey) => ({ TagKey, TagValue: 'x' }));
  await done(`POST ${key}/tags`, { Tags });
  expect((await done(`GET ${key}/tags`)).body).toEqual({ Tags });
  await done(`DELETE ${key}/tags?TagKeys=a&TagKeys=d%2Be`);
  await done(`DELETE ${key}/tags?TagKeys=a`);
  expect((await done(`GET ${key}/tags`)).body).toEqual({ Tags: [Tags[1]] });
});

test('Key material is brought by hand, with a date until which it is good', async () => {
  const key = await makeKey({ Origin: 'EXTERNAL' });
  const WrappingAlgorithm = 'RSAES_OAEP_SHA_256';
  const { body } = await done(`POST ${key}/import-parameters`, {
    WrappingAlgorithm,
    WrappingKeySpec: 'RSA_2048',
  });
  expect(body['ParametersValidTo']).toMatch(rfc3339);
  const wrapped = wrapMaterial(WrappingAlgorithm, bytes(body['PublicKey']), randomBytes(32));
  const ValidTo = new Date(Date.now() + 86_400_000).toISOString();
  const imported = await done(`PUT ${key}/imported-material`, {
    ImportToken: body['ImportToken'],
    EncryptedKeyMaterial: wrapped.toString('base64'),
    ValidTo: ValidTo.replace('Z', '+00:00'),
  });
  expect(imported.body['KeyMaterialId']).toMatch(/^[0-9a-f]{64}$/);
  expect((await done(`GET ${key}`)).body).toMatchObject({ KeyMetadata: { ValidTo } });
  await done(`DELETE ${key}/imported-material`);
});

test('A custom key store is made, described, changed, connected, disconnected and deleted', async () => {
  const made = await done('POST /v1/custom-key-stores', stage.cloudHsm());
  const store = text(made.headers.location);
  const id = idIn(store);
  expect(made.body).toEqual({ CustomKeyStoreId: id });
  const { body } = await done(`GET /v1/custom-key-stores?CustomKeyStoreId=${id}`);
  expect(body['CustomKeyStores']).toMatchObject([{ ConnectionState: 'DISCONNECTED' }]);
  await done(`PATCH ${store}`, { NewCustomKeyStoreName: 'another name' });
  await done(`POST ${store}/connect`);
  await stage.isIn(id, 'CONNECTED');
  expect(await problem(`DELETE ${store}`)).toEqual({
    status: 409,
    code: 'CustomKeyStoreInvalidStateException',
  });
  await done(`POST ${store}/disconnect`);
  await done(`DELETE ${store}`);
});

test('Every operation of KMS was asked for', () => {
  const served = routes.filter(({ service }) => service === 'kms');
  expect(served.map(({ operation }) => operation).filter((name) => !answered.has(name))).toEqual(
    [],
  );
});
