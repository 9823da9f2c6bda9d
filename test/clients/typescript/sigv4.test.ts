import { signatureHeaders } from '../../../clients/typescript/src/sigv4';
import {
  ACCESS_KEY_ID,
  NOW,
  REGION,
  SECRET,
  TOKEN,
  type Unsigned,
  headerOf,
  sign,
} from '../../auth/sigv4-signing';

const credentials = { accessKeyId: ACCESS_KEY_ID, secretAccessKey: SECRET };
const json = { 'content-type': 'application/json' };

/** What each needs of canonical form. */
const requests: Readonly<Record<string, Unsigned>> = {
  'a body': { path: '/v1/random', headers: json, body: '{"NumberOfBytes":32}' },
  'no body': { method: 'GET', path: '/v1/keys', body: '' },
  'an escaped slash in the path': { path: '/v1/keys/alias%2Finvoices/encrypt', headers: json },
  'an ARN in the path': {
    method: 'GET',
    path: '/v1/keys/arn%3Aaws%3Akms%3Aeu-central-1%3A111122223333%3Akey%2F1234',
    body: '',
  },
  'parameters out of order, twice, and with every kind of character': {
    method: 'DELETE',
    path: '/v1/keys/1234/tags',
    query: { b: '2', TagKeys: ['zwei', 'eins', "a b+c/d=e&f!'()*~_.-ü"], a: '' },
    body: '',
  },
  'an Idempotency-Key': { path: '/v1/keys', headers: { ...json, 'idempotency-key': '1  2' } },
};

test.each(Object.entries(requests))(
  "A request with %s is signed as the AWS SDK's signer does",
  async (_, unsigned) => {
    for (const sessionToken of [undefined, TOKEN]) {
      const theirs = await sign(unsigned, {
        checksum: false,
        ...(sessionToken && { sessionToken }),
      });
      const ours = signatureHeaders(
        {
          method: theirs.method,
          url: new URL(theirs.url, 'https://kms.example'),
          headers: new Headers({ ...unsigned.headers, accept: '*/*', 'user-agent': 'jest' }),
          body: new Uint8Array(theirs.body).buffer,
        },
        { ...credentials, sessionToken },
        { region: REGION, at: new Date(NOW) },
      );
      expect(ours['authorization']).toBe(headerOf(theirs, 'authorization'));
      expect(ours['x-amz-date']).toBe('20150830T123600Z');
      expect(ours['x-amz-security-token']).toBe(sessionToken);
    }
  },
);

test('A port that is not the usual one is part of the host that is signed', () => {
  const signed = (url: string): string | undefined => {
    const outgoing = { method: 'GET', url: new URL(url), headers: new Headers(), body: undefined };
    const scope = { region: REGION, at: new Date(NOW) };
    return signatureHeaders(outgoing, credentials, scope)['authorization'];
  };
  expect(signed('https://kms.example:443/')).toBe(signed('https://kms.example/'));
  expect(signed('https://kms.example:4599/')).not.toBe(signed('https://kms.example/'));
});
