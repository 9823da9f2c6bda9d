import {
  CreateAliasCommand,
  type KMSClient,
  ListResourceTagsCommand,
  type Tag,
  TagResourceCommand,
  UntagResourceCommand,
  paginateListResourceTags,
} from '@aws-sdk/client-kms';
import { openTerminal } from '../support/aws-cli';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { auditOf, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { badRequest, call, refused } from '../support/wire';

const tag = (TagKey: string, TagValue = ''): { TagKey: string; TagValue: string } => ({
  TagKey,
  TagValue,
});
const many = (count: number, prefix = 'k'): Tag[] =>
  Array.from({ length: count }, (_, i) => tag(`${prefix}${i}`, String(i)));

const tooMany = { code: 'TagException', message: 'Too many tags', status: 400 };

describe('TagResource, UntagResource and ListResourceTags', () => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2 });
    kms = daemon.client();
  });
  afterAll(() => daemon.remove());

  const put = (KeyId: string, ...Tags: Tag[]) => kms.send(new TagResourceCommand({ KeyId, Tags }));
  const remove = (KeyId: string, ...TagKeys: string[]) =>
    kms.send(new UntagResourceCommand({ KeyId, TagKeys }));
  const tags = async (KeyId: string) =>
    (await kms.send(new ListResourceTagsCommand({ KeyId }))).Tags;

  test('Tags are added at the end, overwritten in their place, and taken away', async () => {
    const { id, arn } = await createKey(kms, { Tags: [tag('b', '1'), tag('a', '2')] });
    await put(id, tag('c', '3'), tag('b', 'new'), tag('B', 'another key'));
    expect(await tags(arn)).toEqual([
      tag('b', 'new'),
      tag('a', '2'),
      tag('c', '3'),
      tag('B', 'another key'),
    ]);
    await remove(arn, 'a', 'never there', 'a');
    await put(arn, tag('a', 'last'));
    expect(await tags(id)).toEqual([
      tag('b', 'new'),
      tag('c', '3'),
      tag('B', 'another key'),
      tag('a', 'last'),
    ]);
    await remove(id, 'a', 'b', 'B', 'c');
    expect(await tags(id)).toEqual([]);
  });

  test('The answers of changes are empty, and ListResourceTags answers with what the API model has', async () => {
    const { id: KeyId } = await createKey(kms);
    const Tags = [tag('Größe 尺寸', '_.:/=+-@ ９'), tag('k'.repeat(128), 'v'.repeat(256))];
    for (const [operation, input] of [
      ['TagResource', { KeyId, Tags }],
      ['TagResource', { KeyId, Tags: [] }],
      ['UntagResource', { KeyId, TagKeys: [] }],
      ['UntagResource', { KeyId, TagKeys: ['k'.repeat(128)] }],
    ] as const) {
      expect(await call(daemon, operation, input)).toMatchObject({ status: 200, text: '' });
    }
    const { text } = await call(daemon, 'ListResourceTags', { KeyId });
    expect(JSON.parse(text)).toEqual({ Tags: [Tags[0]], Truncated: false });
  });

  test('The AWS CLI tags, lists and untags a key', async () => {
    const { id } = await createKey(kms);
    const terminal = await openTerminal(daemon);
    try {
      const cli = (name: string, ...args: string[]) => terminal.kms(name, '--key-id', id, ...args);
      const given = 'TagKey=Purpose,TagValue=Test';
      expect(await cli('tag-resource', '--tags', given, 'TagKey=Cost,TagValue=')).toEqual({
        ...{ code: 0, stdout: '', stderr: '' },
      });
      const listed = await cli('list-resource-tags');
      expect(JSON.parse(listed.stdout)).toMatchObject({
        Tags: [tag('Purpose', 'Test'), tag('Cost')],
      });
      expect((await cli('untag-resource', '--tag-keys', 'Purpose', 'Cost')).code).toBe(0);
      expect(await tags(id)).toEqual([]);
      const reserved = await cli('tag-resource', '--tags', 'TagKey=aws:x,TagValue=y');
      expect(reserved.stderr).toContain(
        'An error occurred (TagException) when calling the TagResource operation: Tags beginning with aws: are reserved',
      );
    } finally {
      await terminal.close();
    }
  });

  test('A key has fifty tags at the most, and one too many changes nothing', async () => {
    const { id } = await createKey(kms, { Tags: many(48) });
    expect(await sdkRefusal(put(id, tag('k0', 'lost'), tag('x'), tag('y'), tag('z')))).toEqual(
      tooMany,
    );
    expect(await tags(id)).toEqual(many(48));
    await put(id, tag('k0', 'kept'), tag('x'), tag('y'));
    expect(await sdkRefusal(put(id, tag('z')))).toEqual(tooMany);
    await put(id, ...many(48));
    expect(await tags(id)).toEqual([...many(48), tag('x'), tag('y')]);
    await remove(id, 'k7');
    await put(id, tag('z'));
    expect(await tags(id)).toHaveLength(50);
  });

  test('Of tags that are put at once exactly as many succeed as fit', async () => {
    const { id } = await createKey(kms, { Tags: many(45) });
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, (_, i) => put(id, tag(`new${i}`))),
    );
    const failed = outcomes.flatMap((outcome) =>
      outcome.status === 'rejected' ? [sdkRefusal(Promise.reject(outcome.reason as Error))] : [],
    );
    expect(await Promise.all(failed)).toEqual(Array.from({ length: 15 }, () => tooMany));
    expect(await tags(id)).toHaveLength(50);
  });

  test.each([
    [[tag('a'), tag('a')], 'Duplicate tag keys'],
    [many(51), 'Too many tags'],
    [[tag('Aws:a')], 'Tags beginning with aws: are reserved'],
    [[tag('a<b')], 'A tag contains invalid characters'],
    [[tag('a', 'nul \0')], 'A tag contains invalid characters'],
  ])('TagResource refuses %j', async (Tags, message) => {
    const { id } = await createKey(kms);
    const refusal = await sdkRefusal(put(id, ...Tags));
    expect(refusal).toEqual({ code: 'TagException', message, status: 400 });
    expect(await tags(id)).toEqual([]);
  });

  test.each([
    ['aws:a', 'Tags beginning with aws: are reserved'],
    ['AWS:', 'Tags beginning with aws: are reserved'],
    ['nul \0', 'A tag contains invalid characters'],
    ['\u{1f511}', 'A tag contains invalid characters'],
  ])('UntagResource refuses the key %j', async (TagKey, message) => {
    const { id } = await createKey(kms);
    const refusal = await sdkRefusal(remove(id, 'ok', TagKey));
    expect(refusal).toEqual({ code: 'TagException', message, status: 400 });
  });

  test('What the shapes do not allow is named by its place', async () => {
    const { id: KeyId } = await createKey(kms);
    const constraint = (value: string, at: string, text: string) =>
      `${value} at '${at}' failed to satisfy constraint: Member must ${text}`;
    const long = 'k'.repeat(129);
    const wide = 'v'.repeat(257);
    for (const [operation, input, item] of [
      ['TagResource', { KeyId }, constraint('Value null', 'tags', 'not be null')],
      ['UntagResource', { KeyId }, constraint('Value null', 'tagKeys', 'not be null')],
      ['TagResource', { Tags: [] }, constraint('Value null', 'keyId', 'not be null')],
      ['UntagResource', { TagKeys: [] }, constraint('Value null', 'keyId', 'not be null')],
      ['ListResourceTags', {}, constraint('Value null', 'keyId', 'not be null')],
      [
        'TagResource',
        { KeyId, Tags: [tag('a'), { TagKey: 'b' }] },
        constraint('Value null', 'tags.2.member.tagValue', 'not be null'),
      ],
      [
        'TagResource',
        { KeyId, Tags: [tag(long)] },
        constraint(
          `Value '${long}'`,
          'tags.1.member.tagKey',
          'have length less than or equal to 128',
        ),
      ],
      [
        'TagResource',
        { KeyId, Tags: [tag('a', wide)] },
        constraint(
          `Value '${wide}'`,
          'tags.1.member.tagValue',
          'have length less than or equal to 256',
        ),
      ],
      [
        'TagResource',
        { KeyId, Tags: [tag('')] },
        constraint("Value ''", 'tags.1.member.tagKey', 'have length greater than or equal to 1'),
      ],
      [
        'ListResourceTags',
        { KeyId, Limit: 0 },
        constraint("Value '0'", 'limit', 'have value greater than or equal to 1'),
      ],
      [
        'ListResourceTags',
        { KeyId, Limit: 1001 },
        constraint("Value '1001'", 'limit', 'have value less than or equal to 1000'),
      ],
    ] as const) {
      expect(await refused(daemon, operation, input)).toEqual(
        badRequest('ValidationException', `1 validation error detected: ${item}`),
      );
    }
    expect(await refused(daemon, 'TagResource', { KeyId, Tags: 'a' })).toMatchObject({
      ...{ status: 400, __type: 'SerializationException' },
    });
  });

  test.each(['TagResource', 'UntagResource', 'ListResourceTags'])(
    '%s takes a key id or key ARN of a key of the own account that exists',
    async (operation) => {
      const { id } = await createKey(kms);
      const AliasName = `alias/${operation}`;
      await kms.send(new CreateAliasCommand({ AliasName, TargetKeyId: id }));
      const ask = (KeyId: string) => refused(daemon, operation, { KeyId, Tags: [], TagKeys: [] });
      const noAlias = badRequest(
        'InvalidArnException',
        'Key Aliases are not supported for this operation.',
      );
      expect(await ask(AliasName)).toEqual(noAlias);
      expect(await ask(`arn:aws:kms:us-east-1:${daemon.accountId}:${AliasName}`)).toEqual(noAlias);
      const missing = '00000000-1111-4222-8333-444444444444';
      expect(await ask(missing)).toEqual(
        badRequest(
          'NotFoundException',
          `Key 'arn:aws:kms:us-east-1:${daemon.accountId}:key/${missing}' does not exist`,
        ),
      );
    },
  );

  test('A key of another account cannot be tagged, untagged or asked, whatever its policy says', async () => {
    const stranger = clientOf(daemon, await otherAccount(daemon, '444455556666'));
    const Statement = { Effect: 'Allow', Principal: '*', Action: 'kms:*', Resource: '*' };
    const Policy = JSON.stringify({ Version: '2012-10-17', Statement });
    const { arn } = await createKey(kms, { Policy, Tags: [tag('a')] });
    for (const [operation, sending] of [
      ['TagResource', stranger.send(new TagResourceCommand({ KeyId: arn, Tags: [tag('b')] }))],
      ['UntagResource', stranger.send(new UntagResourceCommand({ KeyId: arn, TagKeys: ['a'] }))],
      ['ListResourceTags', stranger.send(new ListResourceTagsCommand({ KeyId: arn }))],
    ] as const) {
      expect(await sdkRefusal(sending)).toEqual({
        code: 'AccessDeniedException',
        message:
          `User: arn:aws:iam::444455556666:root is not authorized to perform: kms:${operation} on this resource because ` +
          'the resource does not exist in this Region, no resource-based policies allow access, or a resource-based policy explicitly denies access',
        status: 400,
      });
    }
    expect(await tags(arn)).toEqual([tag('a')]);
  });

  test.each([1, 2, 3, 7, 50, 1000])(
    'Pages of %i name every tag once, in order',
    async (pageSize) => {
      const { id: KeyId } = await createKey(kms, { Tags: many(7) });
      const found: Tag[] = [];
      for await (const { Tags = [], Truncated, NextMarker } of paginateListResourceTags(
        { client: kms, pageSize },
        { KeyId },
      )) {
        expect(Tags.length).toBeLessThanOrEqual(pageSize);
        expect(Truncated).toBe(NextMarker !== undefined);
        found.push(...Tags);
      }
      expect(found).toEqual(many(7));
    },
  );

  test('A page follows its marker also when the tag it stands for is gone, and takes what was added', async () => {
    const { id: KeyId } = await createKey(kms, { Tags: many(4) });
    const { NextMarker: Marker } = await kms.send(new ListResourceTagsCommand({ KeyId, Limit: 2 }));
    await remove(KeyId, 'k0', 'k1', 'k2');
    await put(KeyId, tag('k1', 'again'));
    const { Tags } = await kms.send(new ListResourceTagsCommand({ KeyId, Marker }));
    expect(Tags).toEqual([tag('k3', '3'), tag('k1', 'again')]);
  });

  test('A marker of another key or operation, or made up, is invalid', async () => {
    const [one, other] = [await createKey(kms, { Tags: many(2) }), await createKey(kms)];
    const { NextMarker } = await kms.send(new ListResourceTagsCommand({ KeyId: one.id, Limit: 1 }));
    const made = (...marker: unknown[]) => Buffer.from(JSON.stringify(marker)).toString('base64');
    const scope = `ListResourceTags ${one.id}`;
    for (const [KeyId, Marker] of [
      [other.id, NextMarker],
      [one.id, 'x'],
      [one.id, made(`ListKeys ${daemon.accountId}`, '1')],
      ...['-1', '1.5', '1e3', '9999999999', "1' or 1=1", '0x1', '１', ' 1'].map((after) => [
        one.id,
        made(scope, after),
      ]),
    ] as const) {
      expect(await refused(daemon, 'ListResourceTags', { KeyId, Marker })).toEqual(
        badRequest('InvalidMarkerException'),
      );
    }
  });

  test('Changes are recorded with their tags and their key, readings with their page', async () => {
    const { id: keyId, arn } = await createKey(kms);
    const resources = [{ accountId: daemon.accountId, type: 'AWS::KMS::Key', ARN: arn }];
    const recordOf = async ({ $metadata }: Awaited<ReturnType<typeof put>>) =>
      auditOf(daemon, $metadata.requestId ?? '');
    expect(await recordOf(await put(keyId, tag('Team', 'red')))).toMatchObject({
      eventName: 'TagResource',
      readOnly: false,
      requestParameters: { keyId, tags: [{ tagKey: 'Team', tagValue: 'red' }] },
      responseElements: { keyId: arn },
      resources,
    });
    expect(await recordOf(await remove(keyId, 'Team'))).toMatchObject({
      eventName: 'UntagResource',
      readOnly: false,
      requestParameters: { keyId, tagKeys: ['Team'] },
      responseElements: { keyId: arn },
      resources,
    });
    const listing = await kms.send(new ListResourceTagsCommand({ KeyId: keyId, Limit: 5 }));
    expect(await recordOf(listing)).toMatchObject({
      eventName: 'ListResourceTags',
      readOnly: true,
      requestParameters: { keyId, limit: 5 },
      responseElements: null,
      resources,
    });
  });
});
