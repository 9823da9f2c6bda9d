import { createHash, createHmac } from 'node:crypto';
import { SignatureV4 } from '@smithy/signature-v4';
import { ProxySigner } from '../../src/xks-client/signer';

const accessKeyId = 'ABCDEFGHIJKLMNOPQRST';
const secretAccessKey = 'aSecretOfTheProxyThatIsLongEnoughToBeOne/+=';
const host = 'proxy.example.com';
const path = '/prefix/kms/xks/v1/keys/a.key_of-7/encrypt';
const body = Buffer.from('{"requestMetadata":{}}');

/** For the signer of the AWS SDK. */
class Sha256 {
  private readonly hash: { update(data: Uint8Array | string): unknown; digest(): Buffer };

  constructor(secret?: Uint8Array | string) {
    this.hash = secret === undefined ? createHash('sha256') : createHmac('sha256', secret);
  }

  update(data: Uint8Array | string): void {
    this.hash.update(data);
  }

  digest(): Promise<Uint8Array> {
    return Promise.resolve(this.hash.digest());
  }

  reset(): void {
    throw new Error('nobody resets it');
  }
}

function signerOf(different: Partial<ConstructorParameters<typeof ProxySigner>[0]> = {}) {
  return new ProxySigner({
    accessKeyId,
    region: 'eu-west-1',
    host,
    secret: () => Promise.resolve(Buffer.from(secretAccessKey)),
    now: () => Date.parse('2026-11-25T12:34:56.789Z'),
    ...different,
  });
}

test('A request is signed as the AWS SDK signs it', async () => {
  const theirs = await new SignatureV4({
    credentials: { accessKeyId, secretAccessKey },
    region: 'eu-west-1',
    service: 'kms-xks-proxy',
    sha256: Sha256 as never,
    applyChecksum: false,
  }).sign(
    { method: 'POST', protocol: 'https:', hostname: host, path, headers: { host }, body },
    { signingDate: new Date('2026-11-25T12:34:56Z') },
  );
  const ours = await signerOf().sign(path, body);
  expect(ours).toEqual({
    host,
    'x-amz-date': '20261125T123456Z',
    authorization: theirs.headers['authorization'],
  });
});

test('The secret is asked for once a day, and wiped', async () => {
  const given: Buffer[] = [];
  let now = Date.parse('2026-11-25T23:59:59.999Z');
  const signer = signerOf({
    now: () => now,
    secret: () => {
      given.push(Buffer.from(secretAccessKey));
      return Promise.resolve(given.at(-1) ?? Buffer.alloc(0));
    },
  });
  await Promise.all([signer.sign(path, body), signer.sign(path, body)]);
  await signer.sign(path, body);
  expect(given).toEqual([Buffer.alloc(secretAccessKey.length)]);
  now += 1;
  const { authorization } = await signer.sign(path, body);
  expect(authorization).toContain('/20261126/eu-west-1/kms-xks-proxy/aws4_request');
  expect(given).toHaveLength(2);
});

test('A secret that could not be had is asked for again', async () => {
  let away = true;
  const signer = signerOf({
    secret: () =>
      away
        ? Promise.reject(new Error('the token is away'))
        : Promise.resolve(Buffer.from(secretAccessKey)),
  });
  await expect(signer.sign(path, body)).rejects.toThrow('the token is away');
  away = false;
  expect(await signer.sign(path, body)).toMatchObject({ host });
});
