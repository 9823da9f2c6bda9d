import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  type CreateCustomKeyStoreCommandInput,
  DeleteCustomKeyStoreCommand,
  DisconnectCustomKeyStoreCommand,
  type KMSClient,
  UpdateCustomKeyStoreCommand,
  type UpdateCustomKeyStoreCommandInput,
} from '@aws-sdk/client-kms';
import { type KeyStoreStage, openKeyStoreStage } from '../support/key-stores';
import { sdkRefusal } from '../support/kms';
import { type Behaviour, but, proxyCredential, refusing, rightly } from '../support/xks-proxy';

/** Custom key stores of type EXTERNAL_KEY_STORE: an XKS proxy that a test can make do wrong. */
let stage: KeyStoreStage;
let kms: KMSClient;
beforeAll(async () => {
  stage = await openKeyStoreStage();
  kms = stage.kms;
});
afterAll(() => stage.remove());
afterEach(() => stage.proxy.behave(rightly));

type Input = Partial<CreateCustomKeyStoreCommandInput>;
type Different = Omit<UpdateCustomKeyStoreCommandInput, 'CustomKeyStoreId'>;

const refused = (code: string, message: string) => ({ code, message, status: 400 });
const create = (different: Input = {}) =>
  sdkRefusal(kms.send(new CreateCustomKeyStoreCommand(stage.external(different))));
const update = (CustomKeyStoreId: string, different: Different) =>
  kms.send(new UpdateCustomKeyStoreCommand({ CustomKeyStoreId, ...different }));
const connect = (CustomKeyStoreId: string) =>
  kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
const disconnect = (CustomKeyStoreId: string) =>
  kms.send(new DisconnectCustomKeyStoreCommand({ CustomKeyStoreId }));

async function withStore<T>(different: Input, work: (id: string) => Promise<T>): Promise<T> {
  const id = await stage.create(stage.external(different));
  try {
    return await work(id);
  } finally {
    stage.proxy.behave(rightly);
    await disconnect(id).catch(() => undefined);
    await kms.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId: id }));
  }
}

const serviceName = (n: number): string =>
  `com.amazonaws.vpce.us-east-1.vpce-svc-0123456789abcdef${n}`;
const vpc = (n: number, endpoint = `https://private${n}.example`): Input => ({
  XksProxyConnectivity: 'VPC_ENDPOINT_SERVICE',
  XksProxyUriEndpoint: endpoint,
  XksProxyVpcEndpointServiceName: serviceName(n),
});

/** What a proxy does, and what it is to who makes a store of it, and to who connects one. */
const faults: readonly (readonly [
  what: string,
  behaviour: Behaviour,
  code: string,
  message: string,
  connectionErrorCode: string,
])[] = [
  [
    'refuses the credential',
    () => refusing(401, 'AuthenticationFailedException'),
    'XksProxyIncorrectAuthenticationCredentialException',
    'The external key store proxy rejected the request because it could not authenticate AWS KMS. Verify the credentials for your external key store and update if necessary.',
    'INVALID_CREDENTIALS',
  ],
  [
    'does not know the path',
    () => refusing(404, 'InvalidUriPathException'),
    'XksProxyInvalidConfigurationException',
    'The external key store proxy rejected the request because of an invalid URI path. Verify the URI path for your external key store and update if necessary.',
    'XKS_PROXY_INVALID_CONFIGURATION',
  ],
  [
    'answers nonsense',
    () => ({ status: 200, body: 'nonsense' }),
    'XksProxyInvalidResponseException',
    'AWS KMS cannot interpret the response from the external key store proxy. If you see this error repeatedly, consult your external key store proxy administrator.',
    'XKS_PROXY_INVALID_RESPONSE',
  ],
  [
    'has no key manager that is well',
    (_, right) =>
      but(right(), {
        ekmFleetDetails: [{ id: '1', model: 'memory', healthStatus: 'UNAVAILABLE' }],
      }),
    'XksProxyUriUnreachableException',
    'The external key store proxy is in an unhealthy state. If you see this message repeatedly, notify your external key store proxy administrator.',
    'XKS_PROXY_NOT_REACHABLE',
  ],
];

describe('An external key store', () => {
  test('is made, described, connected, disconnected and deleted', async () => {
    await withStore({}, async (id) => {
      expect(await stage.describe(id)).toEqual({
        CustomKeyStoreId: id,
        CustomKeyStoreName: expect.any(String) as string,
        CustomKeyStoreType: 'EXTERNAL_KEY_STORE',
        ConnectionState: 'DISCONNECTED',
        CreationDate: expect.any(Date) as Date,
        XksProxyConfiguration: {
          Connectivity: 'PUBLIC_ENDPOINT',
          AccessKeyId: proxyCredential.accessKeyId,
          UriEndpoint: 'https://127.0.0.1',
          UriPath: '/kms/xks/v1',
        },
      });
      await connect(id);
      await stage.isIn(id, 'CONNECTED');
      await disconnect(id);
    });
    const asked = stage.proxy.requests.map(({ path, body }) => [
      path,
      (body['requestMetadata'] as { kmsOperation: string }).kmsOperation,
    ]);
    expect(asked).toEqual([
      ['/kms/xks/v1/health', 'CreateCustomKeyStore'],
      ['/kms/xks/v1/health', 'ConnectCustomKeyStore'],
    ]);
  });

  test.each(faults)('is not made when its proxy %s', async (_, behaviour, code, message) => {
    stage.proxy.behave(behaviour);
    expect(await create()).toEqual(refused(code, message));
  });

  test.each(faults)(
    'is FAILED when its proxy %s, until it is disconnected and connected again',
    async (...[, behaviour, , , ConnectionErrorCode]) => {
      await withStore({}, async (id) => {
        stage.proxy.behave(behaviour);
        await connect(id);
        await stage.isIn(id, 'FAILED');
        expect(await stage.describe(id)).toMatchObject({ ConnectionErrorCode });
        stage.proxy.behave(rightly);
        await disconnect(id);
        await connect(id);
        await stage.isIn(id, 'CONNECTED');
      });
    },
  );

  test('is not made of a proxy that nobody can reach', async () => {
    expect(await create({ XksProxyUriEndpoint: 'https://nowhere.invalid' })).toMatchObject({
      code: 'XksProxyUriUnreachableException',
      status: 400,
    });
  });

  test('behind a VPC endpoint service is first asked after when it is connected', async () => {
    await withStore(vpc(1), async (id) => {
      expect((await stage.describe(id)).XksProxyConfiguration).toEqual({
        Connectivity: 'VPC_ENDPOINT_SERVICE',
        AccessKeyId: proxyCredential.accessKeyId,
        UriEndpoint: 'https://private1.example',
        UriPath: '/kms/xks/v1',
        VpcEndpointServiceName: serviceName(1),
        VpcEndpointServiceOwner: '111122223333',
      });
    });
  });

  test('has its URI, private DNS name and VPC endpoint service for itself', async () => {
    await withStore({}, async () =>
      withStore(vpc(1), async (id) => {
        expect(await create()).toEqual(
          refused(
            'XksProxyUriInUseException',
            'The external key store proxy URI https://127.0.0.1/kms/xks/v1 is already associated with an external key store.',
          ),
        );
        const endpointInUse = (endpoint: string) =>
          refused(
            'XksProxyUriEndpointInUseException',
            `The external key store proxy URI endpoint ${endpoint} is already associated with an external key store, with which it cannot be shared.`,
          );
        const XksProxyUriPath = '/other/kms/xks/v1';
        for (const endpoint of ['https://private1.example', 'https://PRIVATE1.example']) {
          expect(await create({ ...vpc(2, endpoint), XksProxyUriPath })).toEqual(
            endpointInUse(endpoint),
          );
        }
        expect(await create({ ...vpc(2, 'https://127.0.0.1'), XksProxyUriPath })).toEqual(
          endpointInUse('https://127.0.0.1'),
        );
        const inUse = refused(
          'XksProxyVpcEndpointServiceInUseException',
          `The VPC endpoint service ${serviceName(1)} is already associated with an external key store.`,
        );
        expect(await create(vpc(1, 'https://private2.example'))).toEqual(inUse);
        await withStore(vpc(2), async (other) => {
          const XksProxyVpcEndpointServiceName = serviceName(1);
          expect(await sdkRefusal(update(other, { XksProxyVpcEndpointServiceName }))).toEqual(
            inUse,
          );
          // What it has already is not in its own way.
          await update(id, { XksProxyVpcEndpointServiceName });
        });
        // Public stores share an endpoint, each with a path.
        await withStore({ XksProxyUriPath }, () => Promise.resolve());
      }),
    );
  });

  test.each([
    [
      { XksProxyUriPath: undefined },
      'XksProxyUriPath is required for a custom key store of type EXTERNAL_KEY_STORE.',
    ],
    [
      { XksProxyVpcEndpointServiceName: serviceName(1) },
      'XksProxyVpcEndpointServiceName is not valid when XksProxyConnectivity is PUBLIC_ENDPOINT.',
    ],
    [
      { XksProxyVpcEndpointServiceOwner: '111122223333' },
      'XksProxyVpcEndpointServiceOwner is not valid when XksProxyConnectivity is PUBLIC_ENDPOINT.',
    ],
    [
      { XksProxyConnectivity: 'VPC_ENDPOINT_SERVICE' as const },
      'XksProxyVpcEndpointServiceName is required when XksProxyConnectivity is VPC_ENDPOINT_SERVICE.',
    ],
  ])('cannot be made with %j', async (different, message) => {
    expect(await create(different)).toEqual(refused('ValidationException', message));
  });

  test('never shows in a refusal the secret that is wrong', async () => {
    const RawSecretAccessKey = 'a secret that is no such thing';
    const { AccessKeyId } = stage.external().XksProxyAuthenticationCredential ?? {};
    const XksProxyAuthenticationCredential = { AccessKeyId, RawSecretAccessKey };
    const { code, message } = await create({ XksProxyAuthenticationCredential });
    expect(code).toBe('ValidationException');
    expect(message).not.toContain(RawSecretAccessKey);
  });
});

describe('An external key store that is connected', () => {
  test('may have another name, credential and path, which are tried first', async () => {
    await withStore({}, async (id) => {
      await connect(id);
      await stage.isIn(id, 'CONNECTED');
      const XksProxyAuthenticationCredential = {
        ...{ AccessKeyId: proxyCredential.accessKeyId },
        RawSecretAccessKey: proxyCredential.secret.replace('a', 'b'),
      };
      expect(await sdkRefusal(update(id, { XksProxyAuthenticationCredential }))).toMatchObject({
        code: 'XksProxyIncorrectAuthenticationCredentialException',
      });
      await update(id, { XksProxyUriPath: '/prefix/kms/xks/v1', NewCustomKeyStoreName: 'moved' });
      expect(await stage.describe(id)).toMatchObject({
        CustomKeyStoreName: 'moved',
        ConnectionState: 'CONNECTED',
        XksProxyConfiguration: { UriPath: '/prefix/kms/xks/v1' },
      });
      for (const different of [
        { XksProxyUriEndpoint: 'https://127.0.0.1' },
        { XksProxyConnectivity: 'PUBLIC_ENDPOINT' as const },
      ]) {
        expect(await sdkRefusal(update(id, different))).toEqual(
          refused(
            'CustomKeyStoreInvalidStateException',
            `The connection state of the custom key store ${id} is CONNECTED, which is not valid for this operation.`,
          ),
        );
      }
    });
  });
});

describe('An external key store that is disconnected', () => {
  test('may move behind a VPC endpoint service and back', async () => {
    await withStore({}, async (id) => {
      expect(
        await sdkRefusal(update(id, { XksProxyConnectivity: 'VPC_ENDPOINT_SERVICE' })),
      ).toEqual(
        refused(
          'ValidationException',
          'XksProxyUriEndpoint is required when XksProxyConnectivity is changed to VPC_ENDPOINT_SERVICE.',
        ),
      );
      await update(id, vpc(1));
      await update(id, { XksProxyVpcEndpointServiceOwner: '444455556666' });
      expect((await stage.describe(id)).XksProxyConfiguration).toMatchObject({
        Connectivity: 'VPC_ENDPOINT_SERVICE',
        UriEndpoint: 'https://private1.example',
        VpcEndpointServiceName: serviceName(1),
        VpcEndpointServiceOwner: '444455556666',
      });
      expect(await sdkRefusal(update(id, { XksProxyConnectivity: 'PUBLIC_ENDPOINT' }))).toEqual(
        refused(
          'ValidationException',
          'XksProxyUriEndpoint is required when XksProxyConnectivity is changed to PUBLIC_ENDPOINT.',
        ),
      );
      const XksProxyUriEndpoint = 'https://127.0.0.1';
      await update(id, { XksProxyConnectivity: 'PUBLIC_ENDPOINT', XksProxyUriEndpoint });
      expect((await stage.describe(id)).XksProxyConfiguration).toEqual({
        Connectivity: 'PUBLIC_ENDPOINT',
        AccessKeyId: proxyCredential.accessKeyId,
        UriEndpoint: XksProxyUriEndpoint,
        UriPath: '/kms/xks/v1',
      });
    });
  });

  test('has no password', async () => {
    await withStore({}, async (id) => {
      expect(await sdkRefusal(update(id, { KeyStorePassword: '1234567' }))).toEqual(
        refused(
          'ValidationException',
          'KeyStorePassword is not valid for a custom key store of type EXTERNAL_KEY_STORE.',
        ),
      );
    });
  });
});
