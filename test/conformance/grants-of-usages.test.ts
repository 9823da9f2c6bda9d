import { CreateGrantCommand, type GrantOperation, RevokeGrantCommand } from '@aws-sdk/client-kms';
import { type GrantStage, openGrantStage } from '../support/grants';
import { createKey, sdkRefusal } from '../support/kms';
import {
  type UsageKeys,
  type UsageOperation,
  getPublicKey,
  use,
  usageKeys,
  usageOperations,
  usageRequests,
} from '../support/usage-keys';
import { badRequest, refused } from '../support/wire';

/** Grants on keys that sign, compute MACs, agree and encapsulate. */
let stage: GrantStage;
let keys: UsageKeys;
beforeAll(async () => {
  stage = await openGrantStage();
  keys = await usageKeys(stage.daemon);
});
afterAll(() => stage.remove());

const keyFor = (operation: UsageOperation) => keys[usageRequests[operation].usage];
const verdict = async (sending: Promise<unknown>): Promise<string> => {
  try {
    await sending;
    return 'allowed';
  } catch {
    const { code, message } = await sdkRefusal(sending);
    return `${code}: ${message}`;
  }
};
const denied = (operation: string, arn: string): string =>
  `AccessDeniedException: User: ${stage.alice.arn} is not authorized to perform: kms:${operation} on resource: ${arn} because no identity-based policy allows the kms:${operation} action`;

/** What alice may do with the key for the operation. */
const answers = async (operation: UsageOperation): Promise<Readonly<Record<string, string>>> => {
  const key = keyFor(operation);
  const same = usageOperations.filter((other) => keyFor(other) === key);
  const verdicts = same.map(async (other) => [
    other,
    await verdict(use(stage.alice.kms, other, key)),
  ]);
  return Object.fromEntries(await Promise.all(verdicts)) as Record<string, string>;
};

test.each(usageOperations)(
  'A grant of %s allows it and nothing else, until it is revoked',
  async (operation) => {
    const key = keyFor(operation);
    const none = Object.fromEntries(
      Object.keys(await answers(operation)).map((name) => [name, denied(name, key.arn)]),
    );
    expect(await answers(operation)).toEqual(none);
    const grantee = { KeyId: key.arn, GranteePrincipal: stage.alice.arn };
    const { GrantId, GrantToken = '' } = await stage.kms.send(
      new CreateGrantCommand({ ...grantee, Operations: [operation] }),
    );
    expect(GrantToken).not.toBe('');
    expect(await answers(operation)).toEqual({ ...none, [operation]: 'allowed' });
    expect(await verdict(getPublicKey(stage.alice.kms, key))).toBe(denied('GetPublicKey', key.arn));
    await stage.kms.send(new RevokeGrantCommand({ KeyId: key.arn, GrantId }));
    expect(await answers(operation)).toEqual(none);
  },
);

test('A grant of GetPublicKey allows no use of the private half', async () => {
  for (const key of [keys.signing, keys.agreement]) {
    const { GrantId } = await stage.kms.send(
      new CreateGrantCommand({
        ...{ KeyId: key.id, GranteePrincipal: stage.alice.arn },
        Operations: ['GetPublicKey'],
      }),
    );
    expect(await verdict(getPublicKey(stage.alice.kms, key))).toBe('allowed');
    const operation = key === keys.signing ? 'Sign' : 'DeriveSharedSecret';
    expect(await verdict(use(stage.alice.kms, operation, key))).toBe(denied(operation, key.arn));
    await stage.kms.send(new RevokeGrantCommand({ KeyId: key.id, GrantId }));
    expect(await verdict(getPublicKey(stage.alice.kms, key))).toBe(denied('GetPublicKey', key.arn));
  }
});

test('A grant is made by a grant that lets its grantee grant as much, and no more', async () => {
  const { alice, bob, kms } = stage;
  const key = keys.mac;
  const grant = (Operations: GrantOperation[], by = kms, to = alice.arn) =>
    by.send(new CreateGrantCommand({ KeyId: key.arn, GranteePrincipal: to, Operations }));
  const parent = await grant(['CreateGrant', 'VerifyMac']);
  expect(await verdict(grant(['GenerateMac'], alice.kms, bob.arn))).toBe(
    denied('CreateGrant', key.arn),
  );
  const child = await grant(['VerifyMac'], alice.kms, bob.arn);
  expect(await verdict(use(bob.kms, 'VerifyMac', key))).toBe('allowed');
  for (const { GrantId } of [parent, child]) {
    await kms.send(new RevokeGrantCommand({ KeyId: key.arn, GrantId }));
  }
});

describe('CreateGrant', () => {
  const input = (KeyId: string, Operations: readonly string[], Constraints?: object) => ({
    ...{ KeyId, GranteePrincipal: stage.alice.arn, Operations, Constraints },
  });

  test.each([
    ['signing', 'GenerateMac', 'ECC_NIST_P256', 'SIGN_VERIFY'],
    ['signing', 'DeriveSharedSecret', 'ECC_NIST_P256', 'SIGN_VERIFY'],
    ['signing', 'Encrypt', 'ECC_NIST_P256', 'SIGN_VERIFY'],
    ['mac', 'Sign', 'HMAC_256', 'GENERATE_VERIFY_MAC'],
    ['mac', 'GetPublicKey', 'HMAC_256', 'GENERATE_VERIFY_MAC'],
    ['mac', 'GenerateDataKey', 'HMAC_256', 'GENERATE_VERIFY_MAC'],
    ['agreement', 'Sign', 'ECC_NIST_P256', 'KEY_AGREEMENT'],
    ['agreement', 'Decapsulate', 'ECC_NIST_P256', 'KEY_AGREEMENT'],
    ['encapsulation', 'DeriveSharedSecret', 'ML_KEM_768', 'ENCAPSULATE_DECAPSULATE'],
    ['encapsulation', 'Decrypt', 'ML_KEM_768', 'ENCAPSULATE_DECAPSULATE'],
  ] as const)('on a key for %s takes no %s', async (usage, operation, spec, keyUsage) => {
    const { id } = keys[usage];
    const both = input(id, ['DescribeKey', operation]);
    expect(await refused(stage.daemon, 'CreateGrant', both)).toEqual(
      badRequest(
        'ValidationException',
        `The operation ${operation} cannot be granted on a key with key spec ${spec} and key usage ${keyUsage}.`,
      ),
    );
  });

  test('on a symmetric key takes none of these operations', async () => {
    const { id } = await createKey(stage.kms);
    for (const operation of [...usageOperations, 'GetPublicKey']) {
      expect(await refused(stage.daemon, 'CreateGrant', input(id, [operation]))).toEqual(
        badRequest(
          'ValidationException',
          `The operation ${operation} cannot be granted on a key with key spec SYMMETRIC_DEFAULT and key usage ENCRYPT_DECRYPT.`,
        ),
      );
    }
  });

  test('takes no encryption context for these keys', async () => {
    for (const { id, keySpec } of Object.values(keys)) {
      const terms = input(id, ['DescribeKey'], { EncryptionContextSubset: { a: 'b' } });
      expect(await refused(stage.daemon, 'CreateGrant', terms)).toEqual(
        badRequest(
          'ValidationException',
          `Encryption context constraints cannot be used with a key with key spec ${keySpec}.`,
        ),
      );
    }
  });
});
