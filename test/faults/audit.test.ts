import { CreateKeyCommand, ListKeysCommand } from '@aws-sdk/client-kms';
import { type Token, openToken } from '../../hsm';
import { unrecorded } from '../support/audit';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { type SealedKey, createSealedKey, encrypt } from '../support/keys';
import { ask, count, startLoad } from '../support/load';
import { administer } from '../support/postgres';
import { tokenOptions } from '../support/token-options';
import { until } from '../support/until';

const refusal = {
  status: 500,
  outcome: 'KMSInternalException',
  message: 'The request failed because of an internal error. You can retry the request.',
};

describe('audit records that cannot be written', () => {
  let daemon: TestDaemon;
  let key: SealedKey;
  let token: Token;
  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2 });
    key = await createSealedKey(daemon.client());
    token = await openToken(tokenOptions(daemon.token));
  });
  afterAll(async () => {
    await token.close();
    await daemon.remove();
  });

  const keysInToken = async (): Promise<number> => (await token.listKeys('claviger:key:')).length;

  test('make every request fail, and leave nothing of a CreateKey', async () => {
    const kms = daemon.client();
    const inToken = await keysInToken();
    const load = startLoad(() => kms.send(encrypt(key.keyId)));
    await load.served(10);
    await administer(daemon.databaseUrl, 'alter table audit_record rename to audit_record_away');
    const gone = performance.now();
    const creations = await Promise.all(
      Array.from({ length: 6 }, () => ask(() => kms.send(new CreateKeyCommand({})))),
    );
    const reads = await ask(() => kms.send(new ListKeysCommand({})));
    const refused = await ask(() => kms.send(encrypt('alias/none')));
    await until('the load failed too', () => (load.counts()['KMSInternalException'] ?? 0) > 10);
    const failed = load.answers.filter(({ sentAt }) => sentAt > gone);
    for (const answer of [...creations, reads, refused, ...failed]) {
      expect(answer).toMatchObject(refusal);
    }
    expect(await administer(daemon.databaseUrl, 'select key_id from kms_key')).toHaveLength(1);
    expect(await keysInToken()).toBe(inToken);

    await administer(daemon.databaseUrl, 'alter table audit_record_away rename to audit_record');
    await load.served(20);
    await load.stop();
    await createSealedKey(kms);
    expect(await keysInToken()).toBe(inToken + 1);
    expect(await unrecorded(daemon.databaseUrl, load.answers)).toEqual([]);
    expect(Object.keys(count(load.answers)).sort()).toEqual(['KMSInternalException', 'ok']);
  });
});
