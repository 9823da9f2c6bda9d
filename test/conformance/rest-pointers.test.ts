import type { ProblemViolation } from '../../src/rest/problems';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { rest } from '../support/rest';
import { succeeded } from '../support/rest-answers';

let daemon: TestDaemon;
/** Paths of keys, by what stands for them in a request line; and a ciphertext of the first, for `{ciphertext}` in a body. */
const places: Record<string, string> = {};
beforeAll(async () => {
  daemon = await startDaemon();
  const make = async (name: string, body: object): Promise<void> => {
    places[name] = String((await succeeded(daemon, 'POST /v1/keys', body)).headers.location);
  };
  await make('{key}', {});
  await make('{rsa}', { KeySpec: 'RSA_2048', KeyUsage: 'ENCRYPT_DECRYPT' });
  await make('{hmac}', { KeySpec: 'HMAC_256', KeyUsage: 'GENERATE_VERIFY_MAC' });
  const sealed = await succeeded(daemon, `POST ${places['{key}']}/encrypt`, { Plaintext: long });
  places['{ciphertext}'] = String(sealed.body['CiphertextBlob']);
});
afterAll(() => daemon.remove());

/** More than an RSA key encrypts. */
const long = Buffer.alloc(300).toString('base64');

interface Refused {
  readonly code: string;
  readonly pointer: string;
  readonly in?: ProblemViolation['in'];
  readonly detail: string;
  readonly body?: object;
}

const nobody = 'arn:aws:iam::999988887777:user/nobody';
const tags = (...pairs: readonly (readonly [TagKey: string, TagValue: string])[]): object => ({
  Tags: pairs.map(([TagKey, TagValue]) => ({ TagKey, TagValue })),
});
const policy = (statement: object): object => ({
  Policy: JSON.stringify({ Version: '2012-10-17', Statement: [statement] }),
});
const malformed = {
  code: 'MalformedPolicyDocumentException',
  pointer: '#/Policy',
  detail: 'Syntax errors in policy.',
};
const unfit = { code: 'InvalidKeyUsageException' };
const badArn = { code: 'InvalidArnException', detail: 'Invalid arn arn:x' };
const unsupported = { code: 'UnsupportedOperationException' };

/** A request line, with `{key}`, `{rsa}` or `{hmac}` for the path of a key, and its refusal by the operation itself. */
const refusals: readonly (readonly [line: string, Refused])[] = [
  ['PUT {key}/policy', { ...malformed, body: { Policy: '{' } }],
  ['PUT {key}/policy', { ...malformed, body: policy({ Effect: 'Maybe' }) }],
  ['POST /v1/api-tokens', { ...malformed, body: { Name: 'bad', Policy: '{}' } }],
  [
    'PUT {key}/policy',
    {
      ...malformed,
      detail: 'The new key policy will not allow you to update the key policy in the future.',
      body: policy({
        ...{ Effect: 'Deny', Principal: '*', Action: 'kms:PutKeyPolicy', Resource: '*' },
      }),
    },
  ],
  [
    'PUT {key}/policy',
    {
      ...malformed,
      detail: 'Policy contains a statement with one or more invalid principals.',
      body: policy({
        ...{ Effect: 'Allow', Principal: { AWS: nobody }, Action: 'kms:*', Resource: '*' },
      }),
    },
  ],
  [
    'PUT {key}/policy',
    {
      ...{ code: 'LimitExceededException', pointer: '#/Policy' },
      detail: 'The key policy is larger than 32768 bytes.',
      body: { Policy: ' '.repeat(32_769) },
    },
  ],
  [
    'POST /v1/keys',
    {
      ...{ code: 'TagException', pointer: '#/Tags/1/TagKey' },
      detail: 'Tags beginning with aws: are reserved',
      body: tags(['a', ''], ['aws:b', '']),
    },
  ],
  [
    'POST /v1/keys',
    {
      ...{ code: 'TagException', pointer: '#/Tags/2/TagKey', detail: 'Duplicate tag keys' },
      body: tags(['a', ''], ['b', ''], ['a', '']),
    },
  ],
  [
    'POST {key}/tags',
    {
      ...{ code: 'TagException', pointer: '#/Tags/0/TagValue' },
      detail: 'A tag contains invalid characters',
      body: tags(['a', '<']),
    },
  ],
  [
    'DELETE {key}/tags?TagKeys=a&TagKeys=aws:b',
    {
      ...{ code: 'TagException', pointer: '#/TagKeys/1', in: 'query' },
      detail: 'Tags beginning with aws: are reserved',
    },
  ],
  [
    'POST {key}/grants',
    {
      ...{ code: 'InvalidArnException', pointer: '#/GranteePrincipal' },
      detail: 'must name a principal that exists',
      body: { GranteePrincipal: nobody, Operations: ['Decrypt'] },
    },
  ],
  [
    'POST {key}/encrypt',
    {
      ...{ code: 'InvalidGrantTokenException', pointer: '#/GrantTokens/0' },
      detail: 'The grant token is not valid.',
      body: { Plaintext: 'YQ==', GrantTokens: ['x'] },
    },
  ],
  [
    'DELETE {key}/grants/x',
    {
      ...{ code: 'InvalidGrantIdException', pointer: '#/GrantId', in: 'path' },
      detail: 'The grant ID is not valid.',
    },
  ],
  [
    'POST {key}/grants',
    {
      ...{ code: 'InvalidArnException', pointer: '#/Constraints/SourceArn' },
      detail: 'must be an ARN',
      body: {
        ...{ GranteePrincipal: nobody, Operations: ['Decrypt'] },
        Constraints: { SourceArn: 'a name of twenty bytes' },
      },
    },
  ],
  [
    'GET /v1/grants?RetiringPrincipal=x',
    {
      ...{ code: 'InvalidArnException', pointer: '#/RetiringPrincipal', in: 'query' },
      detail: 'must be the ARN of a principal',
    },
  ],
  [
    `GET /v1/aliases?cursor=${Buffer.from('nothing of ours').toString('base64url')}`,
    {
      ...{ code: 'InvalidMarkerException', pointer: '#/cursor', in: 'query' },
      detail: 'must be the cursor of an answer',
    },
  ],
  [
    'POST /v1/keys',
    {
      ...{ ...unsupported, pointer: '#/MultiRegion' },
      detail: 'MultiRegion keys are not supported.',
      body: { MultiRegion: true },
    },
  ],
  [
    'POST /v1/keys',
    {
      ...{ ...unsupported, pointer: '#/KeySpec' },
      detail: 'KeySpec SM2 is not supported: PKCS#11 has no mechanism for it.',
      body: { KeySpec: 'SM2', KeyUsage: 'SIGN_VERIFY' },
    },
  ],
  [
    'POST {key}/generate-data-key-pair',
    {
      ...{ ...unsupported, pointer: '#/KeyPairSpec' },
      detail: 'KeyPairSpec SM2 is not supported: PKCS#11 has no mechanism for it.',
      body: { KeyPairSpec: 'SM2' },
    },
  ],
  [
    'POST {key}/generate-data-key',
    {
      ...{ ...unsupported, pointer: '#/Recipient' },
      detail: 'Recipient is not supported: CLAVIGER_ATTESTATION_ROOTS_FILE is not set.',
      body: {
        KeySpec: 'AES_256',
        Recipient: { KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_256', AttestationDocument: 'AAAA' },
      },
    },
  ],
  [
    'POST {rsa}/encrypt',
    {
      ...{ ...unfit, pointer: '#/EncryptionAlgorithm', body: { Plaintext: 'YQ==' } },
      detail: 'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
    },
  ],
  [
    'POST {hmac}/generate-mac',
    {
      ...{ ...unfit, pointer: '#/MacAlgorithm' },
      detail: 'Algorithm HMAC_SHA_512 is incompatible with key spec HMAC_256.',
      body: { Message: 'YQ==', MacAlgorithm: 'HMAC_SHA_512' },
    },
  ],
  [
    'POST {rsa}/re-encrypt',
    {
      ...{ ...unfit, pointer: '#/DestinationEncryptionAlgorithm' },
      detail: 'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
      body: { CiphertextBlob: '{ciphertext}' },
    },
  ],
  [
    'POST {rsa}/re-encrypt',
    {
      ...{ code: 'ValidationException', pointer: '#/DestinationEncryptionContext' },
      detail: 'An encryption context cannot be used with a key with key spec RSA_2048.',
      body: {
        CiphertextBlob: '{ciphertext}',
        DestinationEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
        DestinationEncryptionContext: { a: 'b' },
      },
    },
  ],
  [
    'POST {rsa}/re-encrypt',
    {
      ...{ code: 'ValidationException', pointer: '#/CiphertextBlob' },
      detail:
        'Algorithm RSAES_OAEP_SHA_256 and key spec RSA_2048 cannot encrypt data larger than 190 bytes.',
      body: {
        CiphertextBlob: '{ciphertext}',
        DestinationEncryptionAlgorithm: 'RSAES_OAEP_SHA_256',
      },
    },
  ],
  [
    'POST {key}/re-encrypt',
    {
      ...{ code: 'ValidationException', pointer: '#/SourceKeyId' },
      detail: 'A key ID must be specified when the ciphertext is ignored.',
      body: { DryRun: true, DryRunModifiers: ['IGNORE_CIPHERTEXT'] },
    },
  ],
  [
    'POST {key}/re-encrypt',
    {
      ...{ ...badArn, pointer: '#/SourceKeyId' },
      body: { CiphertextBlob: '{ciphertext}', SourceKeyId: 'arn:x' },
    },
  ],
  [
    'POST /v1/keys/arn:x/re-encrypt',
    {
      ...{ ...badArn, pointer: '#/DestinationKeyId', in: 'path' },
      body: { CiphertextBlob: '{ciphertext}' },
    },
  ],
  [
    'POST /v1/aliases',
    {
      ...{ ...badArn, pointer: '#/TargetKeyId' },
      body: { AliasName: 'alias/a', TargetKeyId: 'arn:x' },
    },
  ],
  ['GET /v1/keys/arn:x', { ...badArn, pointer: '#/KeyId', in: 'path' }],
  ['GET /v1/aliases?KeyId=arn:x', { ...badArn, pointer: '#/KeyId', in: 'query' }],
  [
    'GET /v1/keys/alias%2Fa/tags',
    {
      ...{ code: 'InvalidArnException', pointer: '#/KeyId', in: 'path' },
      detail: 'Key Aliases are not supported for this operation.',
    },
  ],
];

test.each(refusals)(
  'What an operation itself refuses is told of where the request has it: %# %s',
  async (line, { body, code, pointer, in: place = 'body', detail }) => {
    const filled = (text: string): string =>
      text.replace(/\{\w+\}/g, (name) => places[name] ?? name);
    const refused = await rest(daemon, filled(line), body && filled(JSON.stringify(body)));
    expect(refused.body).toMatchObject({ code });
    expect(refused.body?.['errors']).toEqual([{ pointer, in: place, detail }]);
  },
);
