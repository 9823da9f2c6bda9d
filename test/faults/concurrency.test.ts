import {
  CreateAliasCommand,
  CreateKeyCommand,
  DeleteAliasCommand,
  DisableKeyCommand,
  EnableKeyCommand,
  ListAliasesCommand,
  ListKeysCommand,
  type KMSClient,
  UpdateAliasCommand,
} from '@aws-sdk/client-kms';
import { unrecorded } from '../support/audit';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { createSealedKey, encrypt, broken } from '../support/keys';
import { ask, count } from '../support/load';

describe('many changes at once, with two workers', () => {
  let daemon: TestDaemon;
  const keyIds: string[] = [];
  beforeAll(async () => {
    // No acknowledgement may be missed because the machine has much to do.
    const environment = { CLAVIGER_REVOCATION_WAIT_MS: '15000' };
    daemon = await startDaemon({ workers: 2, environment });
    for (let i = 0; i < 4; i += 1) keyIds.push((await createSealedKey(daemon.client())).keyId);
  });
  afterAll(() => daemon.remove());

  /** Connections are dealt out in turn. */
  const oneAWorker = (): KMSClient[] => [daemon.client(), daemon.client()];
  const keyOf = (i: number): string => keyIds[i % keyIds.length] ?? '';
  const unacknowledged = (): unknown[] =>
    daemon.log.filter(
      ({ message }) =>
        String(message).startsWith('a change was not acknowledged') ||
        String(message).startsWith('a change could not be taken in'),
    );

  test('of fifty CreateAlias of one name exactly one succeeds, and the rest are told why', async () => {
    const kms = daemon.client();
    const answers = await Promise.all(
      Array.from({ length: 50 }, (_, i) =>
        ask(() =>
          kms.send(new CreateAliasCommand({ AliasName: 'alias/one', TargetKeyId: keyOf(i) })),
        ),
      ),
    );
    expect(count(answers)).toEqual({ ok: 1, AlreadyExistsException: 49 });
    const { Aliases } = await kms.send(new ListAliasesCommand({}));
    expect(Aliases?.map(({ AliasName }) => AliasName)).toEqual(['alias/one']);
    expect(await unrecorded(daemon.databaseUrl, answers)).toEqual([]);
  });

  test('a storm of alias and state changes ends, without a deadlock and without a lost acknowledgement', async () => {
    const kms = daemon.client();
    const changes = [
      (i: number) =>
        kms.send(new UpdateAliasCommand({ AliasName: 'alias/one', TargetKeyId: keyOf(i) })),
      (i: number) =>
        kms.send(
          new CreateAliasCommand({ AliasName: `alias/storm-${i % 3}`, TargetKeyId: keyOf(i + 1) }),
        ),
      (i: number) => kms.send(new DeleteAliasCommand({ AliasName: `alias/storm-${i % 3}` })),
      (i: number) => kms.send(new DisableKeyCommand({ KeyId: keyOf(i) })),
      (i: number) => kms.send(new EnableKeyCommand({ KeyId: keyOf(i + 2) })),
      (i: number) => kms.send(encrypt(keyOf(i))),
    ] as const;
    const started = performance.now();
    const answers = await Promise.all(
      Array.from({ length: 240 }, (_, i) =>
        ask(() => (changes[i % changes.length] ?? changes[0])(Math.floor(i / changes.length))),
      ),
    );
    const took = performance.now() - started;
    process.stdout.write(`storm: ${Math.round(took)} ms, ${JSON.stringify(count(answers))}\n`);
    for (const answer of answers) {
      // The one 500 there may be: an alias that moved while it was being moved, which clients repeat.
      if (answer.outcome === 'KMSInternalException') {
        expect(answer.message).toBe('The alias changed meanwhile. Retry the request.');
      } else {
        expect([
          'ok',
          'AlreadyExistsException',
          'NotFoundException',
          'DisabledException',
        ]).toContain(answer.outcome);
      }
    }
    expect(await unrecorded(daemon.databaseUrl, answers)).toEqual([]);
    expect(unacknowledged()).toEqual([]);
    expect(daemon.log.filter(({ error }) => String(error).includes('40P01'))).toEqual([]);
    for (const id of keyIds) await kms.send(new EnableKeyCommand({ KeyId: id }));
    expect(await broken(oneAWorker(), keyIds)).toEqual([]);
  });

  test.each([1, 2, 3, 4, 5, 6])(
    'thirty CreateKey at once make thirty keys that work on both workers (%i)',
    async () => {
      const kms = daemon.client();
      const made: string[] = [];
      const answers = await Promise.all(
        Array.from({ length: 30 }, () =>
          ask(async () => {
            const answer = await kms.send(new CreateKeyCommand({}));
            made.push(answer.KeyMetadata?.KeyId ?? '');
            return answer;
          }),
        ),
      );
      expect(count(answers)).toEqual({ ok: 30 });
      expect(new Set(made).size).toBe(30);
      const { Keys } = await kms.send(new ListKeysCommand({ Limit: 1000 }));
      const listed = Keys?.map(({ KeyId }) => KeyId);
      expect(made.filter((id) => listed?.includes(id) !== true)).toEqual([]);
      expect(await broken(oneAWorker(), made)).toEqual([]);
    },
  );
});
