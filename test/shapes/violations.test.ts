import { parseInput } from '../../src/shapes';
import type { OperationName } from '../../src/shapes';

const key = { KeyId: 'k' };
const failed = 'failed to satisfy constraint: Member must';

function refusal(message: string): Error {
  return expect.objectContaining({ code: 'ValidationException', message }) as Error;
}

function base64(length: number): string {
  return Buffer.alloc(length).toString('base64');
}

const keySpecs =
  '[RSA_2048, RSA_3072, RSA_4096, ECC_NIST_P256, ECC_NIST_P384, ECC_NIST_P521, ECC_SECG_P256K1, ' +
  'ECC_NIST_EDWARDS25519, SYMMETRIC_DEFAULT, HMAC_224, HMAC_256, HMAC_384, HMAC_512, SM2, ' +
  'ML_DSA_44, ML_DSA_65, ML_DSA_87]';

const signingAlgorithms =
  '[RSASSA_PSS_SHA_256, RSASSA_PSS_SHA_384, RSASSA_PSS_SHA_512, RSASSA_PKCS1_V1_5_SHA_256, ' +
  'RSASSA_PKCS1_V1_5_SHA_384, RSASSA_PKCS1_V1_5_SHA_512, ECDSA_SHA_256, ECDSA_SHA_384, ECDSA_SHA_512, ' +
  'ED25519_SHA_512, ED25519_PH_SHA_512, SM2DSA, ML_DSA_SHAKE_256]';

const grantOperations =
  '[Decrypt, Encrypt, GenerateDataKey, GenerateDataKeyWithoutPlaintext, ReEncryptFrom, ReEncryptTo, Sign, ' +
  'Verify, GetPublicKey, CreateGrant, RetireGrant, DescribeKey, GenerateDataKeyPair, ' +
  'GenerateDataKeyPairWithoutPlaintext, GenerateMac, VerifyMac, DeriveSharedSecret, Encapsulate, Decapsulate]';

describe('One violation', () => {
  test.each<[string, OperationName, unknown, string]>([
    ['a missing member', 'DescribeKey', {}, `Value null at 'keyId' ${failed} not be null`],
    [
      'a null member',
      'DescribeKey',
      { KeyId: null },
      `Value null at 'keyId' ${failed} not be null`,
    ],
    ['a missing secret', 'Encrypt', key, `Value at 'plaintext' ${failed} not be null`],
    [
      'a missing blob that is no secret',
      'VerifyMac',
      { ...key, Message: 'AA==', MacAlgorithm: 'HMAC_SHA_256' },
      `Value null at 'mac' ${failed} not be null`,
    ],
    [
      'a text too long',
      'UpdateKeyDescription',
      { ...key, Description: 'x'.repeat(8193) },
      `Value '${'x'.repeat(8193)}' at 'description' ${failed} have length less than or equal to 8192`,
    ],
    [
      'a text too short',
      'DescribeCustomKeyStores',
      { CustomKeyStoreName: '' },
      `Value '' at 'customKeyStoreName' ${failed} have length greater than or equal to 1`,
    ],
    [
      'a text too short for its exact length',
      'DeleteImportedKeyMaterial',
      { ...key, KeyMaterialId: 'ab' },
      `Value 'ab' at 'keyMaterialId' ${failed} have length greater than or equal to 64`,
    ],
    [
      'an empty secret',
      'Encrypt',
      { ...key, Plaintext: '' },
      `Value at 'plaintext' ${failed} have length greater than or equal to 1`,
    ],
    [
      'a secret too long',
      'Encrypt',
      { ...key, Plaintext: base64(4097) },
      `Value at 'plaintext' ${failed} have length less than or equal to 4096`,
    ],
    [
      'a blob too long',
      'Decrypt',
      { CiphertextBlob: base64(6145) },
      `Value at 'ciphertextBlob' ${failed} have length less than or equal to 6144`,
    ],
    [
      'an empty blob',
      'Decrypt',
      { CiphertextBlob: '' },
      `Value at 'ciphertextBlob' ${failed} have length greater than or equal to 1`,
    ],
    [
      'a number too small',
      'GenerateDataKey',
      { ...key, NumberOfBytes: 0 },
      `Value '0' at 'numberOfBytes' ${failed} have value greater than or equal to 1`,
    ],
    [
      'a number too large',
      'GenerateDataKey',
      { ...key, NumberOfBytes: 1025 },
      `Value '1025' at 'numberOfBytes' ${failed} have value less than or equal to 1024`,
    ],
    [
      'a rotation period too short',
      'EnableKeyRotation',
      { ...key, RotationPeriodInDays: 89 },
      `Value '89' at 'rotationPeriodInDays' ${failed} have value greater than or equal to 90`,
    ],
    [
      'a key id that is not ASCII',
      'DescribeKey',
      { KeyId: 'キー' },
      `Value 'キー' at 'keyId' ${failed} satisfy regular expression pattern: ^\\p{ASCII}+$`,
    ],
    [
      'a text against its pattern',
      'CreateAlias',
      { AliasName: 'alias/a b', TargetKeyId: 'k' },
      `Value 'alias/a b' at 'aliasName' ${failed} satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$`,
    ],
    [
      'a text that its pattern fits in part',
      'GetKeyPolicy',
      { ...key, PolicyName: 'default!' },
      `Value 'default!' at 'policyName' ${failed} satisfy regular expression pattern: [\\w]+`,
    ],
    [
      'a line end after a text that fits',
      'CreateAlias',
      { AliasName: 'alias/a\n', TargetKeyId: 'k' },
      `Value 'alias/a\n' at 'aliasName' ${failed} satisfy regular expression pattern: ^[a-zA-Z0-9:/_-]+$`,
    ],
    [
      'a nested blob',
      'GenerateRandom',
      { Recipient: { AttestationDocument: '' } },
      `Value at 'recipient.attestationDocument' ${failed} have length greater than or equal to 1`,
    ],
    [
      'a tag key too long',
      'TagResource',
      {
        ...key,
        Tags: [
          { TagKey: 'a', TagValue: 'b' },
          { TagKey: 'x'.repeat(129), TagValue: '' },
        ],
      },
      `Value '${'x'.repeat(129)}' at 'tags.2.member.tagKey' ${failed} have length less than or equal to 128`,
    ],
    [
      'a tag value missing',
      'CreateKey',
      { Tags: [{ TagKey: 'a' }] },
      `Value null at 'tags.1.member.tagValue' ${failed} not be null`,
    ],
    [
      'too many grant tokens',
      'DescribeKey',
      { ...key, GrantTokens: Array.from('abcdefghijk') },
      `Value '[a, b, c, d, e, f, g, h, i, j, k]' at 'grantTokens' ${failed} have length less than or equal to 10`,
    ],
    [
      'elements out of bounds, told once with every constraint of an element',
      'DescribeKey',
      { ...key, GrantTokens: ['a', '', ''] },
      `Value '[a, , ]' at 'grantTokens' ${failed} satisfy constraint: [Member must have length less than or ` +
        'equal to 8192, Member must have length greater than or equal to 1]',
    ],
    [
      'an element outside its value set',
      'CreateGrant',
      { ...key, Operations: ['Encrypt', 'Explode'] },
      `Value '[Encrypt, Explode]' at 'operations' ${failed} satisfy constraint: [Member must satisfy enum ` +
        `value set: ${grantOperations}]`,
    ],
    [
      'a secret text, told without its value',
      'UpdateCustomKeyStore',
      { CustomKeyStoreId: 'c', KeyStorePassword: 'hunter' },
      `Value at 'keyStorePassword' ${failed} have length greater than or equal to 7`,
    ],
  ])('is told in AWS’s words: %s', (_, operation, json, item) => {
    expect(() => parseInput(operation, json)).toThrow(
      refusal(`1 validation error detected: ${item}`),
    );
  });
});

describe('A value set', () => {
  test.each<[OperationName, string, Record<string, unknown>, string]>([
    ['CreateKey', 'KeySpec', {}, keySpecs],
    ['GenerateDataKey', 'KeySpec', key, keySpecs],
    ['GenerateDataKeyWithoutPlaintext', 'KeySpec', key, keySpecs],
    ['Sign', 'SigningAlgorithm', { ...key, Message: 'AA==' }, signingAlgorithms],
    [
      'Sign',
      'MessageType',
      { ...key, Message: 'AA==', SigningAlgorithm: 'ECDSA_SHA_256' },
      '[RAW, DIGEST, EXTERNAL_MU]',
    ],
    [
      'GenerateMac',
      'MacAlgorithm',
      { ...key, Message: 'AA==' },
      '[HMAC_SHA_384, HMAC_SHA_256, HMAC_SHA_224, HMAC_SHA_512]',
    ],
    [
      'Encrypt',
      'EncryptionAlgorithm',
      { ...key, Plaintext: 'AA==' },
      '[RSAES_OAEP_SHA_1, RSAES_OAEP_SHA_256, SM2PKE, SYMMETRIC_DEFAULT]',
    ],
    ['DeriveSharedSecret', 'KeyAgreementAlgorithm', { ...key, PublicKey: 'AA==' }, '[ECDH]'],
    [
      'CreateKey',
      'KeyUsage',
      {},
      '[ENCRYPT_DECRYPT, SIGN_VERIFY, GENERATE_VERIFY_MAC, KEY_AGREEMENT, ENCAPSULATE_DECAPSULATE]',
    ],
    ['CreateKey', 'Origin', {}, '[EXTERNAL, AWS_CLOUDHSM, AWS_KMS, EXTERNAL_KEY_STORE]'],
    [
      'ImportKeyMaterial',
      'ExpirationModel',
      { ...key, ImportToken: 'AA==', EncryptedKeyMaterial: 'AA==' },
      '[KEY_MATERIAL_DOES_NOT_EXPIRE, KEY_MATERIAL_EXPIRES]',
    ],
    ['ListKeyRotations', 'IncludeKeyMaterial', key, '[ALL_KEY_MATERIAL, ROTATIONS_ONLY]'],
  ])('is printed in its order: %s %s', (operation, member, others, listing) => {
    const path = member.charAt(0).toLowerCase() + member.slice(1);
    expect(() => parseInput(operation, { ...others, [member]: 'FOO' })).toThrow(
      refusal(
        `1 validation error detected: Value 'FOO' at '${path}' ${failed} satisfy enum value set: ${listing}`,
      ),
    );
  });

  test('is matched exactly, case and all', () => {
    for (const KeySpec of ['aes_256', 'AES_256 ', '', 'constructor', '__proto__']) {
      expect(() => parseInput('GenerateDataKey', { ...key, KeySpec })).toThrow(
        refusal(
          `1 validation error detected: Value '${KeySpec}' at 'keySpec' ${failed} satisfy enum value set: ${keySpecs}`,
        ),
      );
    }
    expect(parseInput('GenerateDataKey', { ...key, KeySpec: 'AES_256' }).KeySpec).toBe('AES_256');
  });
});

describe('Several violations', () => {
  test('An empty key id is two', () => {
    expect(() => parseInput('GetPublicKey', { KeyId: '' })).toThrow(
      refusal(
        `2 validation errors detected: Value '' at 'keyId' ${failed} have length greater than or equal to 1; ` +
          `Value '' at 'keyId' ${failed} satisfy regular expression pattern: ^\\p{ASCII}+$`,
      ),
    );
  });

  test('Missing members come first, and then the others in the order of the model', () => {
    const json = { SigningAlgorithm: 'FOO', MessageType: 'BAR', Message: '' };
    expect(() => parseInput('Sign', json)).toThrow(
      refusal(
        `4 validation errors detected: Value null at 'keyId' ${failed} not be null; ` +
          `Value at 'message' ${failed} have length greater than or equal to 1; ` +
          `Value 'BAR' at 'messageType' ${failed} satisfy enum value set: [RAW, DIGEST, EXTERNAL_MU]; ` +
          `Value 'FOO' at 'signingAlgorithm' ${failed} satisfy enum value set: ${signingAlgorithms}`,
      ),
    );
  });

  test('Every tag is looked at', () => {
    const json = { ...key, Tags: [{ TagKey: '' }, {}] };
    expect(() => parseInput('TagResource', json)).toThrow(
      refusal(
        `4 validation errors detected: Value null at 'tags.1.member.tagValue' ${failed} not be null; ` +
          `Value '' at 'tags.1.member.tagKey' ${failed} have length greater than or equal to 1; ` +
          `Value null at 'tags.2.member.tagKey' ${failed} not be null; ` +
          `Value null at 'tags.2.member.tagValue' ${failed} not be null`,
      ),
    );
  });

  test('No secret of a key store is in the message', () => {
    const json = {
      CustomKeyStoreName: 'store',
      KeyStorePassword: 'hunter',
      XksProxyAuthenticationCredential: { AccessKeyId: 'id secret' },
    };
    const credential = 'xksProxyAuthenticationCredential';
    expect(() => parseInput('CreateCustomKeyStore', json)).toThrow(
      refusal(
        `4 validation errors detected: Value at 'keyStorePassword' ${failed} have length greater than or equal to 7; ` +
          `Value at '${credential}.rawSecretAccessKey' ${failed} not be null; ` +
          `Value at '${credential}.accessKeyId' ${failed} have length greater than or equal to 20; ` +
          `Value at '${credential}.accessKeyId' ${failed} satisfy regular expression pattern: ^[A-Z2-7]+$`,
      ),
    );
  });
});

test('a list of nothing but bad elements is one violation, quoted once', () => {
  const GrantTokens = Array.from({ length: 1000 }, () => '');
  const listed = `[${', '.repeat(999)}]`;
  const elements =
    '[Member must have length less than or equal to 8192, Member must have length greater than or equal to 1]';
  expect(() => parseInput('Encrypt', { KeyId: 'k', Plaintext: 'YQ==', GrantTokens })).toThrow(
    refusal(
      `2 validation errors detected: Value '${listed}' at 'grantTokens' ${failed} have length less than or equal to 10; ` +
        `Value '${listed}' at 'grantTokens' ${failed} satisfy constraint: ${elements}`,
    ),
  );
});
