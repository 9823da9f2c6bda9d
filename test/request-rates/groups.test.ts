import { readFileSync } from 'node:fs';
import path from 'node:path';
import { awsRates, chargeOf } from '../../src/request-rates/groups';
import { operationNamesOf } from '../../src/shapes';
import { checkout } from '../support/snippets';

/** kms-semantics §17.2, line by line; operations that are counted in a group of their own stand by name. */
const byRate: readonly [number, readonly string[]][] = [
  [10_000, ['symmetric']],
  [1000, ['rsa', 'ecc', 'ml-dsa', 'ml-kem']],
  [1800, ['custom-key-store']],
  [
    100,
    [
      ...['ECC_NIST_P256', 'ECC_NIST_P384', 'ECC_NIST_P521', 'ECC_SECG_P256K1'].map(pair),
      ...['ECC_NIST_EDWARDS25519', 'ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'].map(pair),
    ],
  ],
  [20, [pair('RSA_2048')]],
  [4, [pair('RSA_3072')]],
  [1, [pair('RSA_4096'), 'GetParametersForImport']],
  [25, [pair('SM2')]],
  [2000, ['DescribeKey', 'GetPublicKey', 'ListResourceTags']],
  [1000, ['GetKeyPolicy', 'GetKeyRotationStatus']],
  [500, ['ListAliases', 'ListKeys']],
  [100, ['ListGrants', 'ListKeyPolicies', 'ListKeyRotations', 'ListRetirableGrants']],
  [100, ['ListApiTokens']],
  [50, ['CreateGrant', 'RetireGrant', 'RevokeGrant']],
  [15, ['DeleteAlias', 'DeleteImportedKeyMaterial', 'ImportKeyMaterial', 'EnableKeyRotation']],
  [15, ['PutKeyPolicy', 'ScheduleKeyDeletion', 'DeleteApiToken']],
  [10, ['TagResource']],
  [5, ['CreateKey', 'CreateAlias', 'UpdateAlias', 'EnableKey', 'DisableKey', 'CreateApiToken']],
  [5, ['CancelKeyDeletion', 'DisableKeyRotation', 'UntagResource', 'UpdateKeyDescription']],
  [5, ['ReplicateKey', 'UpdatePrimaryRegion', 'RotateKeyOnDemand', 'GetKeyLastUsage']],
  [5, ['CreateCustomKeyStore', 'UpdateCustomKeyStore', 'DeleteCustomKeyStore']],
  [5, ['ConnectCustomKeyStore', 'DisconnectCustomKeyStore', 'DescribeCustomKeyStores']],
];

function pair(spec: string): string {
  return `GenerateDataKeyPair(${spec})`;
}

test("the groups have AWS's rates, and there are no others", () => {
  const expected = byRate.flatMap(([rate, groups]) =>
    groups.map((group): [string, number] => [group, rate]),
  );
  expect([...awsRates].sort()).toEqual(expected.sort());
});

test('every operation of KMS and every one of ours counts, those of IAM and STS do not', () => {
  const counted = [...operationNamesOf('kms'), ...operationNamesOf('claviger')];
  expect(counted.filter((name) => chargeOf(name) === undefined)).toEqual([]);
  const others = [...operationNamesOf('iam'), ...operationNamesOf('sts')];
  expect(others.filter((name) => chargeOf(name) !== undefined)).toEqual([]);
});

test('operations that share a group, or whose key decides it, are the cryptographic ones', () => {
  const shared = operationNamesOf('kms').filter((name) => chargeOf(name) !== name);
  expect(Object.fromEntries(shared.map((name) => [name, chargeOf(name)]))).toEqual({
    Decapsulate: 'ml-kem',
    Decrypt: 'by key',
    DeriveSharedSecret: 'ecc',
    Encapsulate: 'ml-kem',
    Encrypt: 'by key',
    GenerateDataKey: 'by key',
    GenerateDataKeyPair: 'by pair',
    GenerateDataKeyPairWithoutPlaintext: 'by pair',
    GenerateDataKeyWithoutPlaintext: 'by key',
    GenerateMac: 'symmetric',
    GenerateRandom: 'symmetric',
    ReEncrypt: 'by key',
    Sign: 'by key',
    Verify: 'by key',
    VerifyMac: 'symmetric',
  });
});

test('docs/operating.md names every group with its rate; the operations that it does not name have the rate of all others', () => {
  const page = readFileSync(path.join(checkout, 'docs/operating.md'), 'utf8');
  const rows = page.split('\n').filter((line) => /^\| (`|every other operation)/.test(line));
  const written = new Map(
    rows.flatMap((row): [string, number][] => {
      const [, names = '', rates = ''] = row.split('|');
      const numbers = [...rates.replace(/,(?=\d{3})/g, '').matchAll(/\d+/g)].map(Number);
      const groups = [...names.matchAll(/`([^`]+)`/g)].map(([, name = '']) =>
        name.replace(/^…/, 'GenerateDataKeyPair'),
      );
      return groups.map((group, at) => [group, numbers[at] ?? numbers[0] ?? 0]);
    }),
  );
  const differing = [...awsRates].filter(([group, rate]) => (written.get(group) ?? 5) !== rate);
  expect(differing).toEqual([]);
});
