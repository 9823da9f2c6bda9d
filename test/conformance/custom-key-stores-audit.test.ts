import {
  ConnectCustomKeyStoreCommand,
  CreateCustomKeyStoreCommand,
  DeleteCustomKeyStoreCommand,
  DescribeCustomKeyStoresCommand,
  DisconnectCustomKeyStoreCommand,
  UpdateCustomKeyStoreCommand,
} from '@aws-sdk/client-kms';
import { type KeyStoreStage, clusterIds, openKeyStoreStage } from '../support/key-stores';
import { type AuditRow, auditOf, auditTexts } from '../support/kms';
import { proxyCredential } from '../support/xks-proxy';

let stage: KeyStoreStage;
beforeAll(async () => {
  stage = await openKeyStoreStage();
});
afterAll(() => stage.remove());

async function recordOf(sending: Promise<{ $metadata: { requestId?: string } }>) {
  const record: AuditRow = await auditOf(stage.daemon, String((await sending).$metadata.requestId));
  const { requestParameters, responseElements, additionalEventData, readOnly, resources } = record;
  return { requestParameters, responseElements, additionalEventData, readOnly, resources };
}

const changed = { responseElements: null, readOnly: false, resources: [] };

test('The record of a change has what was asked, and of which store', async () => {
  const { kms } = stage;
  const input = stage.cloudHsm();
  const customKeyStoreName = input.CustomKeyStoreName;
  const creating = kms.send(new CreateCustomKeyStoreCommand(input));
  const made = await recordOf(creating);
  const { CustomKeyStoreId = '' } = await creating;
  expect(made).toEqual({
    requestParameters: { customKeyStoreName, clusterId: clusterIds[0] },
    responseElements: { customKeyStoreId: CustomKeyStoreId },
    additionalEventData: undefined,
    readOnly: false,
    resources: [],
  });
  const requestParameters = { customKeyStoreId: CustomKeyStoreId };
  const additionalEventData = { customKeyStoreName, clusterId: clusterIds[0] };
  const plain = { ...changed, requestParameters, additionalEventData };
  for (const command of [ConnectCustomKeyStoreCommand, DisconnectCustomKeyStoreCommand]) {
    expect(await recordOf(kms.send(new command({ CustomKeyStoreId })))).toEqual(plain);
  }
  const moving = new UpdateCustomKeyStoreCommand({
    ...{
      CustomKeyStoreId,
      CloudHsmClusterId: clusterIds[1],
      KeyStorePassword: stage.tokens[1].pin,
    },
  });
  const moved = { customKeyStoreName, clusterId: clusterIds[1] };
  expect(await recordOf(kms.send(moving))).toEqual({
    ...changed,
    requestParameters: { ...requestParameters, clusterId: clusterIds[1] },
    additionalEventData: moved,
  });
  expect(await recordOf(kms.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId })))).toEqual({
    ...plain,
    additionalEventData: moved,
  });
});

test('The record of an external key store has its URI, and no credential', async () => {
  const { kms } = stage;
  const input = stage.external();
  const creating = kms.send(new CreateCustomKeyStoreCommand(input));
  expect((await recordOf(creating)).requestParameters).toEqual({
    customKeyStoreName: input.CustomKeyStoreName,
    customKeyStoreType: 'EXTERNAL_KEY_STORE',
    xksProxyConnectivity: 'PUBLIC_ENDPOINT',
    xksProxyUriEndpoint: 'https://127.0.0.1',
    xksProxyUriPath: '/kms/xks/v1',
  });
  const { CustomKeyStoreId = '' } = await creating;
  const { XksProxyAuthenticationCredential } = input;
  const updating = new UpdateCustomKeyStoreCommand({
    ...{ CustomKeyStoreId, XksProxyAuthenticationCredential, NewCustomKeyStoreName: 'b' },
  });
  expect(await recordOf(kms.send(updating))).toEqual({
    ...changed,
    requestParameters: { customKeyStoreId: CustomKeyStoreId, newCustomKeyStoreName: 'b' },
    additionalEventData: { customKeyStoreName: 'b' },
  });
  await kms.send(new DeleteCustomKeyStoreCommand({ CustomKeyStoreId }));
});

test('The record of DescribeCustomKeyStores has what was asked', async () => {
  const asking = stage.kms.send(new DescribeCustomKeyStoresCommand({ Limit: 3 }));
  expect(await recordOf(asking)).toEqual({
    ...{ ...changed, readOnly: true, additionalEventData: undefined },
    requestParameters: { limit: 3 },
  });
});

test('Neither records nor log nor answers have a password or the secret of a credential', async () => {
  const { kms, daemon, tokens } = stage;
  const ids = [await stage.create(stage.cloudHsm()), await stage.create(stage.external())];
  for (const CustomKeyStoreId of ids) {
    await kms.send(new ConnectCustomKeyStoreCommand({ CustomKeyStoreId }));
    await stage.isIn(CustomKeyStoreId, 'CONNECTED');
  }
  const answer = await kms.send(new DescribeCustomKeyStoresCommand({}));
  expect(answer.CustomKeyStores).toHaveLength(2);
  const told = [
    ...(await auditTexts(daemon)),
    ...daemon.log.map((line) => JSON.stringify(line)),
    JSON.stringify(answer),
  ].join('\n');
  for (const secret of [...tokens.map(({ pin }) => pin), proxyCredential.secret]) {
    expect(told).not.toContain(secret);
  }
});
