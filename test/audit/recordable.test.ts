import { recordable } from '../../src/audit';

test('Only the named members are kept, their names in lower camel case at every depth', () => {
  const input = {
    KeyId: 'alias/a',
    Tags: [{ TagKey: 'Department', TagValue: 'IT' }],
    KeySpec: 'AES_256',
    Description: 'not asked for',
  };
  expect(recordable(input, ['KeyId', 'Tags', 'KeySpec', 'NumberOfBytes'])).toEqual({
    keyId: 'alias/a',
    tags: [{ tagKey: 'Department', tagValue: 'IT' }],
    keySpec: 'AES_256',
  });
});

test('The names in an encryption context are the caller’s and stay as they are', () => {
  const input = {
    EncryptionContext: { Department: 'IT', Plaintext: 'a name like any other' },
    Constraints: { EncryptionContextSubset: { Project: 'X' } },
  };
  expect(recordable(input, ['EncryptionContext', 'Constraints'])).toEqual({
    encryptionContext: { Department: 'IT', Plaintext: 'a name like any other' },
    constraints: { encryptionContextSubset: { Project: 'X' } },
  });
});

test.each([
  'Plaintext',
  'Message',
  'CiphertextBlob',
  'Signature',
  'Mac',
  'PublicKey',
  'ImportToken',
  'EncryptedKeyMaterial',
  'GrantTokens',
  'KeyStorePassword',
  'TrustAnchorCertificate',
  'XksProxyAuthenticationCredential',
])('%s is not recorded even when it is asked for', (name) => {
  const secret = Buffer.from('secret');
  const input = { [name]: secret, KeyId: 'a', Inner: { [name]: 'secret', Kept: true } };
  const record = recordable(input, [name, 'KeyId', 'Inner']);
  expect(record).toEqual({ keyId: 'a', inner: { kept: true } });
});

test('Bytes are not recorded under any name', () => {
  const input = { Odd: Buffer.from('secret'), List: [new Uint8Array(3), 'text'] };
  expect(recordable(input, ['Odd', 'List'])).toEqual({ list: ['text'] });
});

test('Dates read as CloudTrail writes them, in UTC', () => {
  const dates = {
    Evening: new Date('2022-08-10T22:38:27.999Z'),
    Midnight: new Date('2024-01-02T00:05:09Z'),
    Noon: new Date('2024-12-31T12:00:00Z'),
  };
  expect(recordable(dates, ['Evening', 'Midnight', 'Noon'])).toEqual({
    evening: 'Aug 10, 2022, 10:38:27 PM',
    midnight: 'Jan 2, 2024, 12:05:09 AM',
    noon: 'Dec 31, 2024, 12:00:00 PM',
  });
});

test('False, zero and empty text are kept', () => {
  expect(recordable({ DryRun: false, Limit: 0, Name: '' }, ['DryRun', 'Limit', 'Name'])).toEqual({
    dryRun: false,
    limit: 0,
    name: '',
  });
});

test('Nothing left is null', () => {
  expect(recordable({ Plaintext: 'secret' }, ['Plaintext', 'KeyId'])).toBeNull();
  expect(recordable({ KeyId: 'a' }, [])).toBeNull();
});

test('Nothing that credentials can be made of is recorded', () => {
  const answer = {
    Credentials: {
      AccessKeyId: 'ASIAEXAMPLE',
      SecretAccessKey: 'secret',
      SessionToken: 'secret',
      Expiration: new Date('2024-12-31T12:00:00Z'),
    },
  };
  expect(recordable(answer, ['Credentials'])).toEqual({
    credentials: { accessKeyId: 'ASIAEXAMPLE', expiration: 'Dec 31, 2024, 12:00:00 PM' },
  });
  const request = {
    ...{ RoleArn: 'arn', WebIdentityToken: 'secret', TokenCode: '123456' },
    ...{ PresignedCallerIdentity: 'https://secret' },
    ProvidedContexts: [{ ProviderArn: 'provider', ContextAssertion: 'secret' }],
  };
  expect(recordable(request, Object.keys(request))).toEqual({
    roleArn: 'arn',
    providedContexts: [{ providerArn: 'provider' }],
  });
});

test('What is absent is written as its default, if it has one', () => {
  const defaults = { MessageType: 'RAW', DryRun: false };
  const members = ['KeyId', 'MessageType', 'DryRun'];
  expect(recordable({ KeyId: 'a', DryRun: true }, members, defaults)).toEqual({
    ...{ keyId: 'a', messageType: 'RAW', dryRun: true },
  });
});
