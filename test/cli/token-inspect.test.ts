import { type ClusterStage, missingStore, openClusterStage } from '../support/cluster-keys';

/** `claviger token inspect` of the tokens of custom key stores. */
let stage: ClusterStage;
let externalId: string;
beforeAll(async () => {
  stage = await openClusterStage();
  externalId = await stage.create(stage.external());
});
afterAll(() => stage.remove());

const inspect = (storeId: string, ...args: readonly string[]): Promise<string> =>
  stage.daemon.run('token', 'inspect', '--custom-key-store', storeId, ...args);

test('shows the token of a custom key store, and what it serves', async () => {
  const { label, serial, pin } = stage.tokens[0];
  const printed = await inspect(stage.storeId, '--json');
  expect(JSON.parse(printed)).toMatchObject({
    token: { label, serial },
    rows: expect.arrayContaining([
      expect.objectContaining({ name: 'SYMMETRIC_DEFAULT', supported: true }),
    ]) as unknown,
  });
  expect(printed).not.toContain(pin);
  expect(await inspect(stage.storeId)).toMatch(new RegExp(`^label +${label}$`, 'm'));
});

test('refuses a store that has none, in one line', async () => {
  const refusal = async (storeId: string): Promise<unknown> =>
    inspect(storeId).catch((error: unknown) => (error as { stderr: string }).stderr);
  expect(await refusal(missingStore)).toBe(
    `claviger: there is no custom key store ${missingStore}\n`,
  );
  expect(await refusal(externalId)).toBe(
    `claviger: the custom key store ${externalId} has no token: it is an EXTERNAL_KEY_STORE\n`,
  );
  await stage.disconnect();
  expect(await refusal(stage.storeId)).toBe(
    `claviger: the custom key store ${stage.storeId} is DISCONNECTED: connect it\n`,
  );
});
