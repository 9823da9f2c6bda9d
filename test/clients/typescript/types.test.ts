import { type ClavigerClient, createClavigerClient } from '../../../clients/typescript/src';

/** Nothing here is called: the compiler is the test, and an error that does not come is one. */
export async function compiles(claviger: ClavigerClient): Promise<unknown> {
  const seen: unknown[] = [];
  const key = { params: { path: { KeyId: 'alias/invoices' } } };

  const made = await claviger.POST('/v1/keys', { body: { KeySpec: 'RSA_2048' } });
  const arn: string | undefined = made.data.KeyMetadata.Arn;
  const none: undefined = (await claviger.POST('/v1/keys/{KeyId}/enable', key)).data;
  await claviger.POST('/v1/keys');
  const encrypted = await claviger.POST('/v1/keys/{KeyId}/encrypt', {
    ...key,
    body: { Plaintext: 'aGVsbG8=' },
    signal: AbortSignal.timeout(1000),
  });
  const blob: string | undefined = encrypted.data.CiphertextBlob;
  await claviger.DELETE('/v1/keys/{KeyId}/tags', {
    params: { path: { KeyId: 'x' }, query: { TagKeys: ['a', 'b'] } },
  });
  for await (const { Keys } of claviger.pages('/v1/keys', { params: { query: { limit: 5 } } })) {
    const id: string | undefined = Keys[0]?.KeyId;
    seen.push(id);
  }
  seen.push(arn, none, blob);

  const batch = await claviger.POST('/v1/batch', {
    body: { Entries: [{ Operation: 'Encrypt', Input: { KeyId: 'x', Plaintext: 'aGVsbG8=' } }] },
  });
  for (const result of batch.data.Results) {
    seen.push('Problem' in result ? result.Problem.code : result.Output.KeyId);
  }

  await claviger.POST('/v1/batch', {
    // @ts-expect-error a batch has no such operation
    body: { Entries: [{ Operation: 'CreateKey', Input: {} }] },
  });
  await claviger.POST('/v1/batch', {
    // @ts-expect-error an entry has the input of its operation
    body: { Entries: [{ Operation: 'Encrypt', Input: { KeyId: 'x', CiphertextBlob: 'AAAA' } }] },
  });
  // @ts-expect-error there is no such path
  await claviger.POST('/v1/key');
  // @ts-expect-error the path has no such method
  await claviger.PATCH('/v1/keys');
  // @ts-expect-error KeyId is missing
  await claviger.POST('/v1/keys/{KeyId}/encrypt', { body: { Plaintext: 'aGVsbG8=' } });
  // @ts-expect-error the body is missing
  await claviger.POST('/v1/keys/{KeyId}/encrypt', key);
  // @ts-expect-error all is missing
  await claviger.POST('/v1/keys/{KeyId}/encrypt');
  await claviger.POST('/v1/keys/{KeyId}/encrypt', {
    ...key,
    // @ts-expect-error Plaintext is missing
    body: { EncryptionContext: { tenant: '7' } },
  });
  await claviger.POST('/v1/keys/{KeyId}/encrypt', {
    ...key,
    // @ts-expect-error bytes are given as base64
    body: { Plaintext: new Uint8Array(1) },
  });
  await claviger.POST('/v1/keys/{KeyId}/encrypt', {
    ...key,
    // @ts-expect-error there is no such member
    body: { Plaintext: 'aGVsbG8=', Context: {} },
  });
  // @ts-expect-error there is no such key spec
  await claviger.POST('/v1/keys', { body: { KeySpec: 'RSA_1024' } });
  // @ts-expect-error a query has no such parameter
  await claviger.GET('/v1/keys', { params: { query: { Limit: 5 } } });
  // @ts-expect-error a limit is a number
  await claviger.GET('/v1/keys', { params: { query: { limit: '5' } } });
  // @ts-expect-error an answer has no such member
  seen.push(made.data.KeyMetaData);
  // @ts-expect-error a failure is thrown, so that there is none to look at
  seen.push(made.error);
  // @ts-expect-error DescribeKey is no list
  claviger.pages('/v1/keys/{KeyId}', key);
  // @ts-expect-error a token, or credentials
  createClavigerClient({
    baseUrl: '',
    token: '',
    credentials: { accessKeyId: '', secretAccessKey: '' },
  });
  // @ts-expect-error where is it?
  createClavigerClient({ token: '' });
  return seen;
}

test('What Claviger does not know does not compile', () => {
  expect(compiles).toBeInstanceOf(Function);
});
