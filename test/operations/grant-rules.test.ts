import {
  checkGrantId,
  checkGrantOfKey,
  checkGrantRequest,
  constraintType,
  constraintsOf,
  contextOf,
  resourceCondition,
} from '../../src/operations/grant-rules';
import type {
  CreateGrantRequest,
  GrantOperation,
  KeySpec,
  KeyUsageType,
} from '../../src/shapes/kms.generated';
import { shapes } from '../../src/shapes/kms.generated';
import { refusalOf } from '../support/refusal';
import { accountId, keyId, userOf } from '../support/sample-keys';

const alice = userOf(accountId, 'alice').arn;
const service = 'build.claviger.internal';
const SourceArn = 'arn:aws:s3:::artifacts';
const passed = { code: 'nothing was thrown', message: '' };
const invalid = (message: string) => ({ code: 'ValidationException', message });

const request = (different: Partial<CreateGrantRequest>): CreateGrantRequest => ({
  KeyId: keyId,
  GranteePrincipal: alice,
  Operations: ['Encrypt'],
  ...different,
});
const ofService = (different: Partial<CreateGrantRequest>): CreateGrantRequest => {
  const { GranteePrincipal: _user, ...rest } = request({ GranteeServicePrincipal: service });
  return { ...rest, ...different };
};
const check = (input: CreateGrantRequest) => refusalOf(() => checkGrantRequest(input));
const pairs = (count: number) =>
  Object.fromEntries(Array.from({ length: count }, (_, n) => [`k${n}`, 'v']));

describe('a request for a grant', () => {
  const either = invalid(
    'Exactly one of GranteePrincipal and GranteeServicePrincipal must be specified.',
  );
  const cases: readonly [string, CreateGrantRequest, object][] = [
    ['for a user', request({}), passed],
    ['for a user and a service', request({ GranteeServicePrincipal: service }), either],
    ['for nobody', { KeyId: keyId, Operations: ['Encrypt'] }, either],
    [
      'retired by a user and a service',
      request({ RetiringPrincipal: alice, RetiringServicePrincipal: service }),
      invalid('RetiringPrincipal and RetiringServicePrincipal cannot both be specified.'),
    ],
    ['for a user, retired by a service', request({ RetiringServicePrincipal: service }), passed],
    [
      'for a service without a source',
      ofService({ RetiringPrincipal: alice }),
      invalid('GranteeServicePrincipal requires the grant constraint SourceArn.'),
    ],
    [
      'for a service that nobody retires',
      ofService({ Constraints: { SourceArn } }),
      invalid('GranteeServicePrincipal requires RetiringPrincipal or RetiringServicePrincipal.'),
    ],
    [
      'for a service, with both',
      ofService({ Constraints: { SourceArn }, RetiringPrincipal: alice }),
      passed,
    ],
    [
      'without operations',
      request({ Operations: [] }),
      invalid(
        "1 validation error detected: Value '[]' at 'operations' failed to satisfy constraint: Member must have length greater than or equal to 1",
      ),
    ],
    [
      'of CreateGrant alone',
      request({ Operations: ['CreateGrant', 'CreateGrant'] }),
      invalid('Grants must not contain only the CreateGrant operation.'),
    ],
    [
      'of CreateGrant and RetireGrant',
      request({ Operations: ['CreateGrant', 'RetireGrant'] }),
      passed,
    ],
    [
      'with both contexts',
      request({ Constraints: { EncryptionContextEquals: {}, EncryptionContextSubset: {} } }),
      invalid(
        'EncryptionContextEquals and EncryptionContextSubset cannot both be specified in a grant.',
      ),
    ],
    ['with 8 pairs', request({ Constraints: { EncryptionContextSubset: pairs(8) } }), passed],
    [
      'with 9 pairs',
      request({ Constraints: { EncryptionContextEquals: pairs(9) } }),
      invalid('A grant constraint can have at most 8 encryption context pairs.'),
    ],
    [
      'with a value of 384 characters',
      request({ Constraints: { EncryptionContextEquals: { k: 'v'.repeat(384) } } }),
      passed,
    ],
    [
      'with a value of 385 characters',
      request({ Constraints: { EncryptionContextSubset: { k: 'v'.repeat(385) } } }),
      invalid('An encryption context value in a grant constraint can have at most 384 characters.'),
    ],
    ...(['k\0', 'k'] as const).map((key): [string, CreateGrantRequest, object] => [
      `with a NUL beside ${key.length} letter`,
      request({ Constraints: { EncryptionContextEquals: { [key]: key === 'k' ? '\0' : 'v' } } }),
      invalid('A grant constraint cannot contain the character U+0000.'),
    ]),
    ...['artifacts-without-arn', 'arn:aws:s3:artifacts-bucket', `${SourceArn}\0`].map(
      (arn): [string, CreateGrantRequest, object] => [
        `with the source ${JSON.stringify(arn)}`,
        request({ Constraints: { SourceArn: arn } }),
        { code: 'InvalidArnException', message: `Invalid arn ${arn}` },
      ],
    ),
  ];
  test.each(cases)('%s', async (_, input, expected) => {
    expect(await check(input)).toEqual(expected);
  });
});

describe('operations of a grant', () => {
  const model = shapes['GrantOperation'];
  const all = (model?.type === 'string' ? (model.enum ?? []) : []) as readonly GrantOperation[];
  const always: readonly GrantOperation[] = ['CreateGrant', 'RetireGrant', 'DescribeKey'];
  const rows: readonly [KeySpec, KeyUsageType, readonly GrantOperation[]][] = [
    [
      'SYMMETRIC_DEFAULT',
      'ENCRYPT_DECRYPT',
      [
        ...(['Encrypt', 'Decrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GenerateDataKey'] as const),
        ...(['GenerateDataKeyWithoutPlaintext', 'GenerateDataKeyPair'] as const),
        'GenerateDataKeyPairWithoutPlaintext',
      ],
    ],
    [
      'RSA_2048',
      'ENCRYPT_DECRYPT',
      ['Encrypt', 'Decrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GetPublicKey'],
    ],
    [
      'SM2',
      'ENCRYPT_DECRYPT',
      ['Encrypt', 'Decrypt', 'ReEncryptFrom', 'ReEncryptTo', 'GetPublicKey'],
    ],
    ['ECC_NIST_P256', 'SIGN_VERIFY', ['Sign', 'Verify', 'GetPublicKey']],
    ['HMAC_256', 'GENERATE_VERIFY_MAC', ['GenerateMac', 'VerifyMac']],
    ['ECC_NIST_P256', 'KEY_AGREEMENT', ['DeriveSharedSecret', 'GetPublicKey']],
    ['ML_KEM_768', 'ENCAPSULATE_DECAPSULATE', ['Encapsulate', 'Decapsulate', 'GetPublicKey']],
  ];

  test.each(rows)('of a key %s for %s', async (keySpec, keyUsage, own) => {
    const key = { keySpec, keyUsage };
    for (const operation of all) {
      const allowed = always.includes(operation) || own.includes(operation);
      const input = request({ Operations: ['DescribeKey', operation] });
      expect(await refusalOf(() => checkGrantOfKey(key, input))).toEqual(
        allowed
          ? passed
          : invalid(
              `The operation ${operation} cannot be granted on a key with key spec ${keySpec} and key usage ${keyUsage}.`,
            ),
      );
    }
  });

  test('may be tied to an encryption context on symmetric keys only, and to a source on all', async () => {
    const constrained = (Constraints: CreateGrantRequest['Constraints']) =>
      request({ Operations: ['DescribeKey'], Constraints: Constraints ?? {} });
    for (const [keySpec, keyUsage] of rows) {
      const key = { keySpec, keyUsage };
      expect(await refusalOf(() => checkGrantOfKey(key, constrained({ SourceArn })))).toEqual(
        passed,
      );
      for (const constraints of [
        { EncryptionContextEquals: { a: 'b' } },
        { EncryptionContextSubset: {} },
      ]) {
        expect(await refusalOf(() => checkGrantOfKey(key, constrained(constraints)))).toEqual(
          keySpec === 'SYMMETRIC_DEFAULT'
            ? passed
            : invalid(
                `Encryption context constraints cannot be used with a key with key spec ${keySpec}.`,
              ),
        );
      }
    }
  });
});

test('Policies are told whether a service calls for its user', () => {
  const user = userOf(accountId, 'alice');
  const times = { issuedAt: new Date(0), expiresAt: new Date(1) };
  const session = { ...times, policies: [], tags: {}, transitiveTagKeys: [] };
  const key = 'kms:GrantIsForAWSResource';
  expect(resourceCondition(user)).toEqual({ [key]: 'false' });
  expect(resourceCondition({ ...user, session })).toEqual({ [key]: 'false' });
  expect(resourceCondition({ ...user, session: { ...session, via: service } })).toEqual({
    [key]: 'true',
  });
});

test('Constraints are none when they have no member', () => {
  expect(constraintsOf(request({}))).toBeUndefined();
  expect(constraintsOf(request({ Constraints: {} }))).toBeUndefined();
  const Constraints = { EncryptionContextSubset: { a: 'b' }, SourceArn };
  expect(constraintsOf(request({ Constraints }))).toEqual(Constraints);
  expect([constraintType(Constraints), constraintType({ SourceArn })]).toEqual([
    'EncryptionContextSubset',
    undefined,
  ]);
  expect(contextOf({ EncryptionContextEquals: { c: 'd' } })).toEqual({ c: 'd' });
  expect(contextOf(undefined)).toBeUndefined();
});

test.each(['', 'x', 'AB'.repeat(32), 'ab'.repeat(31), `${'ab'.repeat(32)}\n`])(
  'A grant’s id is not %j',
  async (id) => {
    expect(await refusalOf(() => checkGrantId(id))).toEqual({
      code: 'InvalidGrantIdException',
      message: 'The grant ID is not valid.',
    });
  },
);
