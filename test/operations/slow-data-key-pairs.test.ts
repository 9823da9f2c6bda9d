import type { DataKeyPair } from '../../hsm';
import { openSite, perform, type Site } from '../support/site';
import { accountId } from '../support/sample-keys';
import { tokenWith } from '../support/token-with';

let site: Site;
beforeAll(async () => {
  site = await openSite();
});
afterAll(() => site.close());

const root = { AWS: `arn:aws:iam::${accountId}:root` };
const operations = ['GenerateDataKeyPair', 'GenerateDataKeyPairWithoutPlaintext'] as const;

test.each(operations)('%s is refused where it was forbidden while it waited', async (operation) => {
  const { database, token } = site;
  const { KeyMetadata } = await perform<{ KeyMetadata: { KeyId: string } }>(
    site.worker(),
    'CreateKey',
    {},
  );
  const { KeyId } = KeyMetadata;
  const allow = { Effect: 'Allow', Principal: root, Action: 'kms:*', Resource: '*' };
  const deny = { ...allow, Effect: 'Deny', Action: `kms:${operation}` };
  const policyOf = (...Statement: object[]) => ({
    ...{ KeyId, Policy: JSON.stringify({ Version: '2012-10-17', Statement }) },
  });
  const pairs: DataKeyPair[] = [];
  let meanwhile = (): Promise<unknown> => Promise.resolve();
  const worker = site.worker({
    database,
    token: tokenWith(token, {
      generateDataKeyPair: async (spec) => {
        await meanwhile();
        const pair = await token.generateDataKeyPair(spec);
        pairs.push(pair);
        return pair;
      },
    }),
  });
  const generate = () => perform(worker, operation, { KeyId, KeyPairSpec: 'ECC_NIST_P256' });
  await expect(generate()).resolves.toHaveProperty('PublicKey');
  meanwhile = () => perform(worker, 'PutKeyPolicy', policyOf(allow, deny));
  await expect(generate()).rejects.toMatchObject({ code: 'AccessDeniedException' });
  expect(pairs.map(({ privateKey }) => privateKey.every((byte) => byte === 0))).toEqual([
    true,
    true,
  ]);
});
