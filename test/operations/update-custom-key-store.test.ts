import type { Corridor } from '../../src/corridor';
import { KmsError } from '../../src/errors';
import { openSite, perform, type Site } from '../support/site';
import { refusalOf } from '../support/refusal';
import { type StandInConnectors, standInConnectors } from '../support/store-connections';

let connectors: StandInConnectors;
let site: Site;
let corridor: Corridor;
let otherAnchor = false;
beforeAll(async () => {
  connectors = standInConnectors();
  const requireCluster = (): void => {
    if (otherAnchor) throw new KmsError('IncorrectTrustAnchorException', 'not that one');
  };
  site = await openSite({}, { ...connectors, requireCluster });
  corridor = site.worker();
});
afterAll(() => site.close());

const create = async (input: object): Promise<string> =>
  (await perform<{ CustomKeyStoreId: string }>(corridor, 'CreateCustomKeyStore', input))
    .CustomKeyStoreId;
const update = (CustomKeyStoreId: string, different: object) =>
  perform(corridor, 'UpdateCustomKeyStore', { CustomKeyStoreId, ...different });

test('A cluster with another trust anchor than the one of the store is not related to it', async () => {
  const id = await create({
    ...{ CustomKeyStoreName: 'hsm', CloudHsmClusterId: 'cluster-aaaaaaaaaaa' },
    ...{ KeyStorePassword: '1234567', TrustAnchorCertificate: 'a certificate' },
  });
  otherAnchor = true;
  const moving = refusalOf(() => update(id, { CloudHsmClusterId: 'cluster-bbbbbbbbbbb' }));
  expect(await moving).toEqual({
    code: 'CloudHsmClusterNotRelatedException',
    message: 'not that one',
  });
  // Its own cluster it has already.
  await update(id, { CloudHsmClusterId: 'cluster-aaaaaaaaaaa', KeyStorePassword: '7654321' });
});

test('What was tried is what is stored: a store that another request changes meanwhile is to be asked for again', async () => {
  const credential = (end: string) => ({
    XksProxyAuthenticationCredential: {
      AccessKeyId: 'ABCDEFGHIJKLMNOPQRST',
      RawSecretAccessKey: `a-secret-that-is-long-enough-to-be-one-${end}`.replaceAll('-', '+'),
    },
  });
  const id = await create({
    ...{ CustomKeyStoreName: 'external', CustomKeyStoreType: 'EXTERNAL_KEY_STORE' },
    ...{ XksProxyConnectivity: 'PUBLIC_ENDPOINT', XksProxyUriEndpoint: 'https://a.example' },
    ...{ XksProxyUriPath: '/kms/xks/v1', ...credential('1234') },
  });
  let go = (): void => undefined;
  const waiting = new Promise<void>((resolve) => (go = resolve));
  const begun = new Promise<void>((resolve) => {
    connectors.before = () => {
      resolve();
      return waiting;
    };
  });
  const refusal = refusalOf(() => update(id, credential('5678')));
  await begun;
  connectors.before = () => undefined;
  await update(id, { XksProxyUriPath: '/other/kms/xks/v1' });
  go();
  expect(await refusal).toEqual({
    code: 'KMSInternalException',
    message:
      'The custom key store was changed by another request meanwhile. You can retry the request.',
  });
  await update(id, credential('5678'));
  expect(connectors.opened.at(-1)?.password).toBe('a+secret+that+is+long+enough+to+be+one+5678');
  expect(connectors.opened.every(({ closed }) => closed)).toBe(true);
});
