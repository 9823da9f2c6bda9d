import { join } from 'node:path';
import type { ProxySettings } from '../../src/config/key-stores';
import { ConnectionFault } from '../../src/custom-key-stores/connections';
import { ExternalConnector } from '../../src/custom-key-stores/external';
import type { ExternalStore } from '../../src/custom-key-stores/store';
import { Metrics } from '../../src/metrics';
import { type XksClient, XksFault } from '../../src/xks-client/client';
import type { ConnectionErrorCodeType } from '../../src/shapes/kms.generated';
import { recordingLog } from '../support/log';
import { type ProxyStage, about, host, openProxyStage } from '../support/proxy-stage';
import { until } from '../support/until';
import {
  type Behaviour,
  type TestProxy,
  but,
  half,
  proxyCredential,
  proxyRegion,
  refusing,
  reset,
  rightly,
} from '../support/xks-proxy';

let stage: ProxyStage;
let proxy: TestProxy;
const open: XksClient[] = [];

beforeAll(async () => {
  stage = await openProxyStage();
  ({ proxy } = stage);
});
beforeEach(() => proxy.behave(rightly));
afterEach(async () => {
  await Promise.all(open.splice(0).map((client) => client.close()));
});
afterAll(() => stage.close());

const store: ExternalStore = {
  type: 'EXTERNAL_KEY_STORE',
  connectivity: 'PUBLIC_ENDPOINT',
  uriEndpoint: `https://${host}`,
  uriPath: '/prefix/kms/xks/v1',
  accessKeyId: proxyCredential.accessKeyId,
  vpcEndpointServiceName: undefined,
  vpcEndpointServiceOwner: undefined,
};
const secret = (): Promise<Buffer> => Promise.resolve(Buffer.from(proxyCredential.secret));

function connectorOf({
  pollMs = 3_600_000,
  ...different
}: ProxySettings & { pollMs?: number } = {}) {
  const { log, events } = recordingLog();
  const metrics = new Metrics();
  const settings = {
    connectTo: `127.0.0.1:${proxy.port}`,
    caFile: stage.authority.certFile,
    deadlineMs: 20_000,
    ...different,
  };
  const proxies = new Map([[host, settings]]);
  const connector = new ExternalConnector({ region: proxyRegion, proxies, log, metrics, pollMs });
  const healthy = async (): Promise<string[]> => {
    const { body } = await metrics.text();
    return body.split('\n').filter((line) => line.startsWith('claviger_xks_proxy_healthy{'));
  };
  return {
    events,
    metrics,
    healthy,
    async connect(
      of = store,
      operation = 'ConnectCustomKeyStore',
      ask = secret,
    ): Promise<XksClient> {
      const client = await connector.connect(of, ask, operation);
      open.push(client);
      return client;
    },
  };
}

async function faultOf(work: Promise<unknown>): Promise<ConnectionFault> {
  const thrown: unknown = await work.catch((error: unknown) => error);
  if (thrown instanceof ConnectionFault) return thrown;
  throw new Error('no ConnectionFault', { cause: thrown });
}

const gauge = (value: number): string =>
  `claviger_xks_proxy_healthy{proxy="https://${host}/prefix/kms/xks/v1"} ${value}`;

test('A proxy is asked for its health when its store is connected, and then serves', async () => {
  const seen = proxy.requests.length;
  const { connect, healthy } = connectorOf();
  const client = await connect();
  expect(proxy.requests[seen]?.body).toMatchObject({
    requestMetadata: { kmsOperation: 'ConnectCustomKeyStore' },
  });
  expect(await client.metadata('the-key', about)).toMatchObject({ keySpec: 'AES_256' });
  expect(await healthy()).toEqual([gauge(1)]);
});

test.each<[ConnectionErrorCodeType, string, Behaviour]>([
  [
    'INVALID_CREDENTIALS',
    'refuses the signature',
    () => refusing(401, 'AuthenticationFailedException'),
  ],
  ['XKS_PROXY_ACCESS_DENIED', 'denies access', () => refusing(403, 'AccessDeniedException')],
  [
    'XKS_PROXY_INVALID_CONFIGURATION',
    'has no such path',
    () => refusing(404, 'InvalidUriPathException'),
  ],
  ['XKS_PROXY_INVALID_RESPONSE', 'answers nonsense', () => ({ status: 200, body: '[]' })],
  ['XKS_PROXY_NOT_REACHABLE', 'resets connections', () => reset],
  ['XKS_PROXY_NOT_REACHABLE', 'stops in the middle', () => half],
  ['XKS_PROXY_NOT_REACHABLE', 'has an error of its own', () => refusing(500, 'InternalException')],
  ['XKS_PROXY_TIMED_OUT', 'is too late itself', () => refusing(503, 'DependencyTimeoutException')],
  [
    'XKS_PROXY_NOT_REACHABLE',
    'has no key manager that is available',
    (_, right) =>
      but(right(), { ekmFleetDetails: [{ id: '1', model: 'HSM', healthStatus: 'UNAVAILABLE' }] }),
  ],
])('%s is the store whose proxy %s', async (code, _, behaviour) => {
  proxy.behave(behaviour);
  const { connect, healthy } = connectorOf();
  const fault = await faultOf(connect());
  expect(fault).toMatchObject({
    code,
    message: `the proxy https://${host}/prefix/kms/xks/v1 cannot be used`,
  });
  expect(fault.cause).toBeInstanceOf(XksFault);
  expect(await healthy()).toEqual([]);
});

test('A certificate that is not believed, a file that is not there, and an endpoint that is none', async () => {
  // The test's authority, in place of the proxy's.
  const { certFile } = stage.serverCertificate('self');
  const untrusted = await faultOf(connectorOf({ caFile: certFile }).connect());
  expect(untrusted.code).toBe('XKS_PROXY_INVALID_TLS_CONFIGURATION');
  const missing = { caFile: join(stage.directory, 'missing.pem') };
  expect((await faultOf(connectorOf(missing).connect())).code).toBe('INTERNAL_ERROR');
  const nowhere = { ...store, uriEndpoint: 'https://1.2.3.4.5' };
  expect((await faultOf(connectorOf().connect(nowhere))).code).toBe('XKS_PROXY_NOT_REACHABLE');
});

test.each([
  ['https://localhost', 'localhost'],
  ['https://LOCALHOST', 'localhost'],
  ['https://127.1', '127.0.0.1'],
  ['https://2130706433', '127.0.0.1'],
  ['https://0', '0.0.0.0'],
  ['https://169.254.169.254', '169.254.169.254'],
])('%s is no proxy for who has not named it in the file of key stores', async (uriEndpoint, at) => {
  const fault = await faultOf(connectorOf().connect({ ...store, uriEndpoint }));
  expect(fault.code).toBe('XKS_PROXY_NOT_REACHABLE');
  expect(fault.cause).toMatchObject({
    kind: 'unreachable',
    message: `${at} is on this machine, or on its link`,
  });
});

test('A secret that cannot be had says nothing of the store', async () => {
  const away = new Error('the token is away');
  const { connect } = connectorOf();
  await expect(connect(store, 'ConnectCustomKeyStore', () => Promise.reject(away))).rejects.toBe(
    away,
  );
});

test('A proxy is asked for its health now and then, and what changes is logged and measured', async () => {
  const { connect, events, healthy } = connectorOf({ pollMs: 5 });
  const seen = proxy.requests.length;
  const client = await connect();
  await until('the proxy was asked again', () => proxy.requests.length > seen + 3);
  expect(proxy.requests[seen + 2]?.body).toMatchObject({
    requestMetadata: { kmsOperation: 'KmsHealthCheck' },
  });
  expect(events).toEqual([]);
  proxy.behave(() => refusing(500, 'InternalException', 'no HSM'));
  await until('the log has it', () => events.length === 1);
  expect(await healthy()).toEqual([gauge(0)]);
  proxy.behave(rightly);
  await until('the log has it', () => events.length === 2);
  expect(await healthy()).toEqual([gauge(1)]);
  const name = `https://${host}/prefix/kms/xks/v1`;
  expect(events.map(({ level, message, fields }) => [level, message, fields])).toEqual([
    [
      'warn',
      'an external key store proxy is not healthy',
      {
        proxy: name,
        condition: 'unhealthy',
        error: 'XksFault: InternalException: no HSM',
      },
    ],
    ['info', 'an external key store proxy is healthy', { proxy: name }],
  ]);
  await client.close();
  const asked = proxy.requests.length;
  expect(await healthy()).toEqual([]);
  expect(proxy.requests).toHaveLength(asked);
});

test('Of a store that is connected anew, the health is known all the while', async () => {
  const { connect, healthy } = connectorOf();
  const first = await connect();
  const second = await connect();
  await first.close();
  expect(await healthy()).toEqual([gauge(1)]);
  await second.close();
  expect(await healthy()).toEqual([]);
});

test('CreateCustomKeyStore asks once', async () => {
  const { connect, healthy } = connectorOf({ pollMs: 5 });
  const seen = proxy.requests.length;
  await (await connect(store, 'CreateCustomKeyStore')).close();
  expect(proxy.requests.slice(seen).map(({ body }) => body['requestMetadata'])).toEqual([
    expect.objectContaining({ kmsOperation: 'CreateCustomKeyStore' }),
  ]);
  expect(await healthy()).toEqual([]);
});

test('Requests to proxies are measured by operation and outcome', async () => {
  const { connect, metrics } = connectorOf();
  const client = await connect();
  proxy.behave(() => refusing(404, 'KeyNotFoundException'));
  await client.metadata('the-key', about).catch(() => undefined);
  const { body } = await metrics.text();
  for (const labels of [
    'operation="GetHealthStatus",outcome="ok"',
    'operation="GetKeyMetadata",outcome="key-not-found"',
  ]) {
    expect(body).toContain(`claviger_xks_proxy_request_seconds_count{${labels}} 1`);
  }
});
