import type { KMSClient } from '@aws-sdk/client-kms';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type SdkRefusal, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { createExternalKey, getParameters } from '../support/kms-imports';
import { administer } from '../support/postgres';
import { until } from '../support/until';

/** Each answer of GetParametersForImport costs seconds of the token, and a pair of keys there for a day. */
jest.setTimeout(120_000);

const most = 12;

let daemon: TestDaemon;
let kms: KMSClient;
let keyId: string;
beforeAll(async () => {
  daemon = await startDaemon({
    environment: {
      CLAVIGER_DATABASE_STATEMENT_TIMEOUT_MS: '60000',
      CLAVIGER_MAX_IMPORT_PARAMETERS_PER_ACCOUNT: String(most),
    },
  });
  kms = daemon.client();
  keyId = (await createExternalKey(kms)).id;
});
afterAll(() => daemon.remove());

interface Flood {
  readonly refusals: SdkRefusal[];
  answered: number;
  readonly ended: Promise<unknown>;
}

function flood(requests: number): Flood {
  const refusals: SdkRefusal[] = [];
  const seen = { refusals, answered: 0 };
  const sent = Array.from({ length: requests }, async () => {
    const sending = getParameters(kms, keyId);
    const answered = await sending.then(
      () => true,
      () => false,
    );
    if (answered) seen.answered += 1;
    else refusals.push(await sdkRefusal(sending));
  });
  return Object.assign(seen, { ended: Promise.all(sent) });
}

test('however many ask for parameters, a few wait for them, and the others are refused at once', async () => {
  const flooding = flood(40);
  await until('some are refused', () => flooding.refusals.length > 0);
  await createKey(kms);
  await flooding.ended;
  expect(flooding.answered + flooding.refusals.length).toBe(40);
  for (const refusal of flooding.refusals) {
    expect(refusal).toEqual({ code: 'ThrottlingException', message: 'Rate exceeded', status: 400 });
  }
});

test('an account has so many pairs in the token and not one more', async () => {
  await administer(daemon.databaseUrl, 'update doomed_object set account_id = null');
  const floods = [flood(most / 2), flood(most / 2), flood(most / 2)];
  for (const flooding of floods) await flooding.ended;
  await until('the account has as many as it may have', async () => {
    const next = flood(1);
    await next.ended;
    return next.refusals[0]?.code === 'LimitExceededException';
  });
  expect(await sdkRefusal(getParameters(kms, keyId))).toEqual({
    code: 'LimitExceededException',
    message: `Import parameters quota for this account in this region is ${most}, current usage is ${most}.`,
    status: 400,
  });
});

test('what one account has used up is no loss of another', async () => {
  const other = clientOf(daemon, await otherAccount(daemon, '444455556666'));
  const { id } = await createExternalKey(other);
  await getParameters(other, id);
});
