import { authorize, requireUsable } from '../src/checks';
import { KmsError } from '../src/errors';
import type { Target, TargetedCall } from '../src/operation';
import { operations } from '../src/operations';
import {
  accountId,
  keyWith,
  otherAccountId,
  rootOf,
  userOf,
  callFacts,
} from './support/sample-keys';

const root = rootOf(accountId);
const target = (different: Partial<Target> = {}): Target => ({
  key: keyWith(),
  action: 'kms:Encrypt',
  ...different,
});

describe('authorize', () => {
  test('denies a request that asked for nothing', () => {
    expect(() => {
      authorize(root, { accountActions: [], targets: [], crossAccount: true });
    }).toThrow(new KmsError('AccessDeniedException', 'No policy decides this operation.'));
  });

  test('needs every action, on the account and on each key', () => {
    const accountActions = [{ action: 'kms:CreateAlias', resource: '*' }];
    const permissions = { accountActions, targets: [target()], crossAccount: false };
    expect(() => {
      authorize(root, permissions);
    }).not.toThrow();
    expect(() => {
      authorize(userOf(accountId, 'eve'), permissions);
    }).toThrow(/is not authorized to perform: kms:CreateAlias on resource: \*/);
    const foreign = target({ key: keyWith({ accountId: otherAccountId }) });
    expect(() => {
      authorize(root, { ...permissions, targets: [target(), foreign] });
    }).toThrow(/is not authorized to perform: kms:Encrypt on this resource/);
  });

  test('says what the target says in place of the ordinary denial', () => {
    const deniedAs = new KmsError('AccessDeniedException', 'The ciphertext refers to …');
    const hidden = target({ key: keyWith({ accountId: otherAccountId }), deniedAs });
    expect(() => {
      authorize(root, { accountActions: [], targets: [hidden], crossAccount: true });
    }).toThrow(deniedAs);
  });
});

describe('requireUsable', () => {
  const encrypt = operations.Encrypt;
  if (encrypt === undefined) throw new Error('Encrypt is served');
  const call = (different: Parameters<typeof keyWith>[0]): TargetedCall<'Encrypt'> => ({
    input: { KeyId: 'k', Plaintext: Buffer.from('x') },
    ...callFacts,
    caller: root,
    keys: [keyWith(different)],
    services: {} as TargetedCall<'Encrypt'>['services'],
  });

  test('names a wrong usage before a wrong state', () => {
    expect(() => {
      requireUsable(encrypt, call({ keyUsage: 'SIGN_VERIFY', state: 'Disabled' }));
    }).toThrow(
      new KmsError(
        'InvalidKeyUsageException',
        `${keyWith().arn} key usage is SIGN_VERIFY which is not valid for Encrypt.`,
      ),
    );
  });

  test('names a wrong state before a wrong algorithm', () => {
    expect(() => {
      requireUsable(encrypt, call({ keySpec: 'RSA_2048', state: 'Disabled' }));
    }).toThrow(new KmsError('DisabledException', `${keyWith().arn} is disabled.`));
    expect(() => {
      requireUsable(encrypt, call({ keySpec: 'RSA_2048' }));
    }).toThrow(
      new KmsError(
        'InvalidKeyUsageException',
        'Algorithm SYMMETRIC_DEFAULT is incompatible with key spec RSA_2048.',
      ),
    );
  });
});
