import {
  CreatePolicyCommand,
  type CreatePolicyCommandInput,
  CreatePolicyVersionCommand,
  DeletePolicyVersionCommand,
  GetPolicyCommand,
  GetPolicyVersionCommand,
  type IAMClient,
  ListPolicyVersionsCommand,
  SetDefaultPolicyVersionCommand,
  paginateListPolicyVersions,
} from '@aws-sdk/client-iam';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { iamClient, iamRefusal } from '../support/iam-client';
import { allowing, malformedPolicies } from '../support/iam-documents';

let daemon: TestDaemon;
let iam: IAMClient;

beforeAll(async () => {
  daemon = await startDaemon();
  iam = iamClient(daemon);
});
afterAll(() => daemon.remove());

const document = allowing('kms:Encrypt');
const arn = (rest: string) => `arn:aws:iam::${daemon.accountId}:${rest}`;
const policy = (name: string) => arn(`policy/${name}`);
const decoded = (text: string | undefined) => decodeURIComponent(text ?? '');

const create = (PolicyName: string, input: Partial<CreatePolicyCommandInput> = {}) =>
  iam.send(new CreatePolicyCommand({ PolicyName, PolicyDocument: document, ...input }));
const get = async (PolicyArn: string) =>
  (await iam.send(new GetPolicyCommand({ PolicyArn }))).Policy;
const version = (PolicyArn: string, PolicyDocument = document, SetAsDefault?: boolean) =>
  iam.send(new CreatePolicyVersionCommand({ PolicyArn, PolicyDocument, SetAsDefault }));
const getVersion = (PolicyArn: string, VersionId: string) =>
  iam.send(new GetPolicyVersionCommand({ PolicyArn, VersionId }));
const setDefault = (PolicyArn: string, VersionId: string) =>
  iam.send(new SetDefaultPolicyVersionCommand({ PolicyArn, VersionId }));
const removeVersion = (PolicyArn: string, VersionId: string) =>
  iam.send(new DeletePolicyVersionCommand({ PolicyArn, VersionId }));
const versionsOf = async (PolicyArn: string) =>
  ((await iam.send(new ListPolicyVersionsCommand({ PolicyArn }))).Versions ?? []).map(
    ({ VersionId, IsDefaultVersion }) => `${VersionId}${IsDefaultVersion === true ? '*' : ''}`,
  );

const notFound = (message: string) => ({ code: 'NoSuchEntity', message, status: 404 });
const conflict = (message: string) => ({ code: 'DeleteConflict', message, status: 409 });

describe('Versions of a policy', () => {
  test('are made, made the default, read, listed with the newest first, and deleted', async () => {
    const { Policy: before } = await create('versioned');
    const path = policy('versioned');
    const second = await version(path, allowing('kms:Decrypt'));
    expect(second.PolicyVersion).toEqual({
      VersionId: 'v2',
      IsDefaultVersion: false,
      CreateDate: expect.any(Date) as Date,
    });
    const third = await version(path, allowing('kms:Sign'), true);
    expect(third.PolicyVersion).toMatchObject({ VersionId: 'v3', IsDefaultVersion: true });
    const after = await get(path);
    expect(after).toMatchObject({ DefaultVersionId: 'v3', CreateDate: before?.CreateDate });
    expect(after?.UpdateDate?.getTime()).toBeGreaterThanOrEqual(before?.UpdateDate?.getTime() ?? 0);
    expect(await versionsOf(path)).toEqual(['v3*', 'v2', 'v1']);
    expect(Object.keys(await setDefault(path, 'v2'))).toEqual(['$metadata']);
    expect(await versionsOf(path)).toEqual(['v3', 'v2*', 'v1']);
    const read = (await getVersion(path, 'v2')).PolicyVersion;
    expect({ ...read, Document: decoded(read?.Document) }).toEqual({
      Document: allowing('kms:Decrypt'),
      VersionId: 'v2',
      IsDefaultVersion: true,
      CreateDate: second.PolicyVersion?.CreateDate,
    });
    expect(Object.keys(await removeVersion(path, 'v3'))).toEqual(['$metadata']);
    expect((await version(path)).PolicyVersion?.VersionId).toBe('v4');
  });

  test('are five at most', async () => {
    await create('five');
    const path = policy('five');
    for (let number = 2; number <= 5; number += 1) await version(path);
    const exceeded = {
      code: 'LimitExceeded',
      message:
        'A managed policy can have up to 5 versions. Before you create a new version, you must delete an existing version.',
      status: 409,
    };
    expect(await iamRefusal(version(path))).toEqual(exceeded);
    await removeVersion(path, 'v2');
    await version(path);
    expect(await versionsOf(path)).toEqual(['v6', 'v5', 'v4', 'v3', 'v1*']);
  });

  test('are five at most when they are made at once, and one is the default', async () => {
    await create('rush');
    const outcomes = await Promise.allSettled(
      Array.from({ length: 9 }, (_, number) => version(policy('rush'), document, number % 2 === 0)),
    );
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(4);
    const versions = await versionsOf(policy('rush'));
    expect(versions).toHaveLength(5);
    expect(versions.filter((name) => name.endsWith('*'))).toHaveLength(1);
  });

  test('that are the default cannot be deleted', async () => {
    await create('defaulted');
    expect(await iamRefusal(removeVersion(policy('defaulted'), 'v1'))).toEqual(
      conflict('Cannot delete the default version of a policy.'),
    );
  });

  test('cannot be deleted while they become the default', async () => {
    await create('torn');
    for (let round = 0; round < 4; round += 1) {
      const { PolicyVersion } = await version(policy('torn'));
      const id = PolicyVersion?.VersionId ?? '';
      const outcomes = await Promise.allSettled([
        setDefault(policy('torn'), id),
        removeVersion(policy('torn'), id),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected']);
      await setDefault(policy('torn'), 'v1');
      await removeVersion(policy('torn'), id).catch(() => undefined);
    }
  });

  test.each(['v9', 'v999999999999', 'v1.a'])('that do not exist (%s) are refused', async (id) => {
    await create('sparse').catch(() => undefined);
    for (const name of ['sparse', 'none']) {
      const refusal = notFound(
        `Policy ${policy(name)} version ${id} does not exist or is not attachable.`,
      );
      expect(await iamRefusal(getVersion(policy(name), id))).toEqual(refusal);
      expect(await iamRefusal(setDefault(policy(name), id))).toEqual(refusal);
      expect(await iamRefusal(removeVersion(policy(name), id))).toEqual(refusal);
    }
  });

  test('of a policy that does not exist are refused', async () => {
    const refusal = notFound(`Policy ${policy('none')} does not exist or is not attachable.`);
    expect(await iamRefusal(version(policy('none')))).toEqual(refusal);
    expect(await iamRefusal(versionsOf(policy('none')))).toEqual(refusal);
  });

  test('that are no policies are refused, and nothing changes', async () => {
    await create('kept');
    for (const [, text, message] of malformedPolicies) {
      expect(await iamRefusal(version(policy('kept'), text, true))).toEqual({
        code: 'MalformedPolicyDocument',
        message,
        status: 400,
      });
    }
    expect(await versionsOf(policy('kept'))).toEqual(['v1*']);
  });

  test('are listed page by page', async () => {
    await create('paged');
    for (let number = 2; number <= 5; number += 1) await version(policy('paged'));
    const pages: unknown[] = [];
    for await (const page of paginateListPolicyVersions(
      { client: iam, pageSize: 2 },
      { PolicyArn: policy('paged') },
    )) {
      pages.push((page.Versions ?? []).map(({ VersionId }) => VersionId));
    }
    expect(pages).toEqual([['v5', 'v4'], ['v3', 'v2'], ['v1']]);
  });
});
