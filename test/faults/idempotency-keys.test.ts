import { randomUUID } from 'node:crypto';
import type { Fault } from '../support/fault-point';
import { type FaultStage, type Scenario, openFaultStage } from '../support/fault-stage';
import { perform } from '../support/site';

/** What was begun under an Idempotency-Key fails at each of its calls to token and Postgres, in turn, and is repeated. */
jest.setTimeout(120_000);

let stage: FaultStage;
beforeAll(async () => {
  stage = await openFaultStage();
});
afterAll(() => stage.site.close());

interface Made {
  readonly KeyMetadata: { readonly KeyId: string };
}

let idempotencyKey = '';

const scenario: Scenario = {
  what: 'CreateKey',
  prepare: async () => {
    await stage.clear();
    idempotencyKey = randomUUID();
    return { keyId: '', blobs: [] };
  },
  run: () => perform(stage.faulty, 'CreateKey', {}, { idempotencyKey }),
  check: async () => {
    const before = await stage.ids('select key_id as id from kms_key');
    const { KeyMetadata } = await perform<Made>(stage.healthy, 'CreateKey', {}, { idempotencyKey });
    const { KeyId: keyId } = KeyMetadata;
    const after = await stage.ids('select key_id as id from kms_key');
    // What the first attempt made is the answer; where it made nothing, this one has.
    expect(after).toEqual([keyId]);
    expect(before.length === 0 || before[0] === keyId).toBe(true);
    await stage.expectWorks({ keyId, blobs: [] });
  },
};

/** Of what fails before it is done, others tell: every-step.test.ts. */
const done: readonly Fault[] = [
  'is done, and its answer is lost',
  'is done, and its worker is killed',
];

test.each(done)(
  'a CreateKey that is repeated after any one of its calls %s has made one key',
  async (fault) => {
    const failed = await stage.failEveryCall(scenario, fault);
    expect(failed).toEqual(
      expect.arrayContaining([
        ...['idempotent-request-find', 'idempotent-request-claim', 'idempotent-request-keep'],
        'commit',
      ]),
    );
  },
);
