import { keyMetadata } from '../../src/keys/key';
import { writeOutput } from '../../src/shapes';
import { keyWith, materialId, materialsOf } from '../support/sample-keys';

test('the metadata of a symmetric key has the members of kms-semantics §2.6 and no others', () => {
  const key = keyWith({ description: 'invoices' });
  expect(JSON.parse(writeOutput('DescribeKey', { KeyMetadata: keyMetadata(key) }))).toEqual({
    KeyMetadata: {
      AWSAccountId: '111122223333',
      Arn: key.arn,
      CreationDate: 1767323045.678,
      CurrentKeyMaterialId: materialId,
      CustomerMasterKeySpec: 'SYMMETRIC_DEFAULT',
      Description: 'invoices',
      Enabled: true,
      EncryptionAlgorithms: ['SYMMETRIC_DEFAULT'],
      KeyId: key.keyId,
      KeyManager: 'CUSTOMER',
      KeySpec: 'SYMMETRIC_DEFAULT',
      KeyState: 'Enabled',
      KeyUsage: 'ENCRYPT_DECRYPT',
      MultiRegion: false,
      Origin: 'AWS_KMS',
    },
  });
});

test.each(['Disabled', 'PendingDeletion', 'PendingImport', 'Unavailable', 'Updating'] as const)(
  'a key that is %s is not enabled',
  (state) => {
    expect(keyMetadata(keyWith({ state }))).toMatchObject({ KeyState: state, Enabled: false });
  },
);

test('a deletion date is there when the key has one', () => {
  const deletionDate = new Date('2026-02-01');
  expect(keyMetadata(keyWith({ deletionDate })).DeletionDate).toBe(deletionDate);
  expect(keyMetadata(keyWith())).not.toHaveProperty('DeletionDate');
});

test('a key without material names none', () => {
  const key = keyWith(materialsOf([]));
  expect(keyMetadata(key)).not.toHaveProperty('CurrentKeyMaterialId');
});

test.each([
  ['SIGN_VERIFY', 'SigningAlgorithms'],
  ['GENERATE_VERIFY_MAC', 'MacAlgorithms'],
  ['KEY_AGREEMENT', 'KeyAgreementAlgorithms'],
] as const)('the algorithms of a key for %s stand under %s alone', (keyUsage, member) => {
  const metadata = keyMetadata(keyWith({ keySpec: 'ECC_NIST_P256', keyUsage }));
  const lists = Object.keys(metadata).filter((name) => name.endsWith('Algorithms'));
  expect(lists).toEqual([member]);
  expect(metadata).not.toHaveProperty('CurrentKeyMaterialId');
});

const store = { id: 'cks-1234567890abcdef0', connectionState: 'CONNECTED' } as const;

test('a key in a CloudHSM cluster says in which, and names no material', () => {
  const clusterId = 'cluster-aaaaaaaaaaa';
  const key = keyWith({
    origin: 'AWS_CLOUDHSM',
    customKeyStore: { ...store, cloudHsmClusterId: clusterId },
  });
  const metadata = keyMetadata(key);
  expect(metadata).toMatchObject({ CustomKeyStoreId: store.id, CloudHsmClusterId: clusterId });
  expect(metadata).not.toHaveProperty('XksKeyConfiguration');
  expect(metadata).not.toHaveProperty('CurrentKeyMaterialId');
});

test('a key in an external key store says under which external key it is', () => {
  const key = keyWith({
    ...{ origin: 'EXTERNAL_KEY_STORE', xksKeyId: 'xks.1' },
    customKeyStore: { ...store, cloudHsmClusterId: undefined },
  });
  const metadata = keyMetadata(key);
  expect(metadata).toMatchObject({
    CustomKeyStoreId: store.id,
    XksKeyConfiguration: { Id: 'xks.1' },
  });
  expect(metadata).not.toHaveProperty('CloudHsmClusterId');
  expect(metadata).not.toHaveProperty('CurrentKeyMaterialId');
});
