import type { ProblemViolation } from '../../src/rest/problems';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { rest } from '../support/rest';
import { succeeded } from '../support/rest-answers';

let daemon: TestDaemon;
/** The path of a key. */
let key: string;
beforeAll(async () => {
  daemon = await startDaemon();
  key = String((await succeeded(daemon, 'POST /v1/keys')).headers.location);
});
afterAll(() => daemon.remove());

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
const unsupported = { code: 'UnsupportedOperationException' };

/** A request line, with `{key}` for the path of the key, and its refusal by the operation itself. */
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
];

test.each(refusals)(
  'What an operation itself refuses is told of where the request has it: %# %s',
  async (line, { body, code, pointer, in: place = 'body', detail }) => {
    const refused = await rest(daemon, line.replace('{key}', key), body);
    expect(refused.body).toMatchObject({ code });
    expect(refused.body?.['errors']).toEqual([{ pointer, in: place, detail }]);
  },
);
