import {
  CreateAliasCommand,
  type KMSClient,
  ListAliasesCommand,
  ListKeysCommand,
  paginateListAliases,
  paginateListKeys,
} from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type NewKey, createKey, otherAccount } from '../support/kms';
import { administer } from '../support/postgres';
import { badRequest, refused } from '../support/wire';

const invalidMarker = badRequest('InvalidMarkerException');

describe('Pages of ListKeys and ListAliases', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  let keys: readonly NewKey[];
  const names = Array.from({ length: 7 }, (_, i) => `alias/page-${i}`);
  beforeAll(async () => {
    daemon = await startDaemon();
    kms = daemon.client();
    keys = await Promise.all(Array.from({ length: 7 }, () => createKey(kms)));
    for (const AliasName of names) {
      await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: keys[0]!.id }));
    }
  });
  afterAll(() => daemon.remove());

  const firstMarker = async () => {
    const { NextMarker } = await kms.send(new ListKeysCommand({ Limit: 2 }));
    return NextMarker!;
  };

  test.each([1, 2, 3, 6, 7, 8, 1000])('Pages of %i keys name every key once', async (pageSize) => {
    const pages: number[] = [];
    const found: (string | undefined)[] = [];
    for await (const { Keys, Truncated, NextMarker } of paginateListKeys(
      { client: kms, pageSize },
      {},
    )) {
      pages.push(Keys!.length);
      found.push(...Keys!.map(({ KeyId }) => KeyId));
      expect(Truncated).toBe(NextMarker !== undefined);
    }
    expect(found.sort()).toEqual(keys.map(({ id }) => id).sort());
    expect(pages.every((size) => size <= pageSize)).toBe(true);
    expect(pages).toHaveLength(Math.ceil(7 / pageSize));
  });

  test.each([1, 3, 7, 100])(
    'Pages of %i aliases name every alias once, in order',
    async (pageSize) => {
      for (const KeyId of [undefined, keys[0]!.id]) {
        const found: (string | undefined)[] = [];
        for await (const { Aliases } of paginateListAliases({ client: kms, pageSize }, { KeyId })) {
          found.push(...Aliases!.map(({ AliasName }) => AliasName));
        }
        expect(found).toEqual(names);
      }
    },
  );

  test('A page follows its marker also when the key that the marker stands for is gone', async () => {
    const first = '00000000-0000-4000-8000-000000000000';
    await administer(
      daemon.databaseUrl,
      `insert into kms_key (key_id, account_id, key_spec, key_usage, state, policy)
       select $1, account_id, key_spec, key_usage, 'PendingImport', policy from kms_key limit 1`,
      [first],
    );
    const { Keys, NextMarker } = await kms.send(new ListKeysCommand({ Limit: 1 }));
    expect(Keys?.map(({ KeyId }) => KeyId)).toEqual([first]);
    await administer(daemon.databaseUrl, 'delete from kms_key where key_id = $1', [first]);
    const rest = await kms.send(new ListKeysCommand({ Marker: NextMarker }));
    expect(rest.Keys!.map(({ KeyId }) => KeyId)).toEqual(keys.map(({ id }) => id).sort());
  });

  test('Without a Limit a page holds 50 aliases or 100 keys; a Limit above 100 gets 100 aliases', async () => {
    await administer(
      daemon.databaseUrl,
      "insert into alias (account_id, alias_name, key_id) select $1, 'alias/many-' || n, $2 from generate_series(1, 120) n",
      [daemon.accountId, keys[1]!.id],
    );
    const KeyId = keys[1]!.id;
    for (const [Limit, size] of [
      [undefined, 50],
      [100, 100],
      [101, 100],
      [1000, 100],
    ] as const) {
      const page = await kms.send(new ListAliasesCommand({ KeyId, Limit }));
      expect(page.Aliases).toHaveLength(size);
      expect(page.Truncated).toBe(true);
    }
    await administer(
      daemon.databaseUrl,
      `insert into kms_key (key_id, account_id, key_spec, key_usage, state, policy)
       select 'ffffffff-0000-0000-0000-' || lpad(n::text, 12, '0'), $1, 'SYMMETRIC_DEFAULT', 'ENCRYPT_DECRYPT',
              'PendingImport', policy
       from generate_series(1, 110) n, (select policy from kms_key limit 1) as any_key`,
      [daemon.accountId],
    );
    expect((await kms.send(new ListKeysCommand({}))).Keys).toHaveLength(100);
    expect((await kms.send(new ListKeysCommand({ Limit: 1000 }))).Keys).toHaveLength(117);
  });

  test.each(['ListKeys', 'ListAliases'])('%s takes a Limit from 1 to 1000', async (operation) => {
    const at = "at 'limit' failed to satisfy constraint: Member must have value";
    for (const [Limit, bound] of [
      [0, 'greater than or equal to 1'],
      [-1, 'greater than or equal to 1'],
      [1001, 'less than or equal to 1000'],
    ] as const) {
      expect(await refused(daemon, operation, { Limit })).toEqual(
        badRequest(
          'ValidationException',
          `1 validation error detected: Value '${Limit}' ${at} ${bound}`,
        ),
      );
    }
  });

  const scope = (text: string) => Buffer.from(text).toString('base64');
  test.each([
    ['garbage', 'garbage'],
    ['no list', scope('{}')],
    ['a list of numbers', scope('[1,2]')],
    ['JSON that is cut', scope('["ListKeys')],
    ['a position that is a number', scope('["ListKeys 111122223333",7]')],
    ['a position with a NUL', scope('["ListKeys 111122223333","\\u0000"]')],
    [
      'a position with half a surrogate pair and a NUL',
      scope('["ListKeys 111122223333","\\ud800\\u0000"]'),
    ],
  ])('A Marker that is %s is invalid', async (_, Marker) => {
    expect(await refused(daemon, 'ListKeys', { Marker })).toEqual(invalidMarker);
    expect(await refused(daemon, 'ListAliases', { Marker })).toEqual(invalidMarker);
  });

  test('A Marker is bound to its operation, its filter and its account', async () => {
    const Marker = await firstMarker();
    expect(await refused(daemon, 'ListAliases', { Marker })).toEqual(invalidMarker);
    const credentials = await otherAccount(daemon, '444455556666');
    expect(await refused(daemon, 'ListKeys', { Marker }, { credentials })).toEqual(invalidMarker);
    const all = await kms.send(new ListAliasesCommand({ Limit: 1 }));
    const filtered = { Marker: all.NextMarker, KeyId: keys[0]!.id };
    expect(await refused(daemon, 'ListAliases', filtered)).toEqual(invalidMarker);
    const page = await kms.send(new ListKeysCommand({ Marker, Limit: 1 }));
    expect(page.Keys).toHaveLength(1);
  });

  test('An empty Marker, a long one and one of other characters are refused by validation', async () => {
    const at = "at 'marker' failed to satisfy constraint: Member must";
    const pattern = 'satisfy regular expression pattern: [\\u0020-\\u00FF]*';
    for (const [Marker, constraint] of [
      ['', 'have length greater than or equal to 1'],
      ['m'.repeat(1025), 'have length less than or equal to 1024'],
      ['ключ', pattern],
    ] as const) {
      expect(await refused(daemon, 'ListKeys', { Marker })).toEqual(
        badRequest(
          'ValidationException',
          `1 validation error detected: Value '${Marker}' ${at} ${constraint}`,
        ),
      );
    }
  });
});
