import type { KMSClient } from '@aws-sdk/client-kms';
import { openDatabase } from '../../src/db';
import { KeyStore } from '../../src/keys/store';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type SdkRefusal, clientOf, createKey, otherAccount, sdkRefusal } from '../support/kms';
import { createExternalKey, getParameters } from '../support/kms-imports';
import { until } from '../support/until';

/** Each answer of GetParametersForImport costs seconds of the token, and a pair of keys there for a day. */
jest.setTimeout(120_000);

const patience = { statementTimeoutMs: 60_000, connectTimeoutMs: 60_000 };
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

test('however many ask for parameters, a few wait for them, and others for neither the token nor the database', async () => {
  const database = openDatabase({ url: daemon.databaseUrl, poolSize: 1, ...patience });
  const holder = await database.begin();
  await new KeyStore({ partition: 'aws', region: daemon.region }).lockPairs(
    holder,
    daemon.token.serial,
  );
  const flooding = flood(20);
  await until('the others are refused', () => flooding.refusals.length === 11);
  for (const refusal of flooding.refusals) {
    expect(refusal).toEqual({ code: 'ThrottlingException', message: 'Rate exceeded', status: 400 });
  }
  await createKey(kms);
  expect(flooding.answered).toBe(0);
  await holder.rollback();
  await database.close();
  await flooding.ended;
  expect(flooding).toMatchObject({ answered: 9, refusals: { length: 11 } });
});

test('an account has so many pairs in the token and not one more', async () => {
  const flooding = flood(6);
  await flooding.ended;
  expect(flooding.answered).toBe(most - 9);
  for (const refusal of flooding.refusals) {
    expect(refusal).toEqual({
      code: 'LimitExceededException',
      message: `Import parameters quota for this account in this region is ${most}, current usage is ${most}.`,
      status: 400,
    });
  }
});

test('what one account has used up is no loss of another', async () => {
  const other = clientOf(daemon, await otherAccount(daemon, '444455556666'));
  const { id } = await createExternalKey(other);
  await getParameters(other, id);
});
