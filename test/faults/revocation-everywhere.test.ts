import { type Answer, ask, count, startLoad } from '../support/load';
import { administer } from '../support/postgres';
import { childrenOf } from '../support/processes';
import {
  type Access,
  type Line,
  type Revocation,
  type Stage,
  openStage,
} from '../support/revocation-stage';
import { revocations } from '../support/revocations';
import { sessionRevocations } from '../support/revocations-of-sessions';
import { tokenRevocations } from '../support/revocations-of-tokens';
import { until } from '../support/until';

/** Two connections to each daemon, so that there is one to each of the second's two workers. */
const linesPerDaemon = 2;
/** The first of the lines that lead to the second daemon. */
const ofSecond = linesPerDaemon;

let stage: Stage;
let names = 0;

/** No worker that can acknowledge takes as long, however much the machine has to do. */
const patientMs = 15_000;

const useStage = (waitMs: number): void => {
  beforeAll(async () => {
    stage = await openStage({ waitMs });
  });
  afterAll(() => stage.remove());
};

const newName = (): string => `somebody-${(names += 1)}`;

/** Connected, and every worker has decided once. */
async function openLines(access: Access): Promise<Line[]> {
  const daemons = [stage.first, stage.second];
  const lines = daemons.flatMap((daemon) =>
    Array.from({ length: linesPerDaemon }, () => access.open(daemon)),
  );
  for (const line of lines) await line.send();
  return lines;
}

const sendOn = (lines: readonly Line[]) => (number: number) => (lines[number] as Line).send();

function unacknowledged(): string[] {
  return [stage.first, stage.second].flatMap(({ log }) =>
    log.map(({ message }) => String(message)).filter((text) => text.includes('not acknowledged')),
  );
}

/** Takes the access back under load; how requests ended that began before the answer, and those that began after. */
async function takeBack(
  access: Access,
  upset: () => Promise<unknown> = () => Promise.resolve(),
): Promise<{ before: Record<string, number>; after: Record<string, number> }> {
  const lines = await openLines(access);
  const load = startLoad(sendOn(lines), { lines: lines.length, pauseMs: 0 });
  await load.served(lines.length * 2);
  await upset();
  await access.revoke();
  const answered = performance.now();
  const later = (): Answer[] => load.answers.filter(({ sentAt }) => sentAt > answered);
  await until('requests were answered later', () => later().length >= lines.length * 2);
  await load.stop();
  const last = await Promise.all(lines.map((line) => ask(() => line.send())));
  for (const line of lines) line.close();
  const earlier = load.answers.filter(({ sentAt }) => sentAt <= answered);
  return { before: count(earlier), after: count([...later(), ...last]) };
}

const all = [...revocations, ...sessionRevocations, ...tokenRevocations].map(
  (row) => [row.name, row] as const,
);

const some = all.filter(([name]) => ['DeleteUserPolicy', 'RevokeGrant'].includes(name));

/** Of every worker; the server ends the sessions, as it does when it is restarted or told to. */
const cutListeners = (): Promise<unknown> =>
  administer(
    stage.first.databaseUrl,
    `select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name like 'claviger-listener/%'`,
  );

describe('taking access back', () => {
  useStage(patientMs);

  test.each(all)(
    '%s: no request that starts after the answer is allowed, by any worker of two daemons',
    async (_, { arrange, refusal, rounds = 3 }: Revocation) => {
      for (let round = 0; round < rounds; round += 1) {
        const access = await arrange(stage, newName());
        const { before, after } = await takeBack(access);
        await access.undo?.();
        expect(before['ok']).toBeGreaterThan(0);
        expect(Object.keys(before).filter((outcome) => outcome !== 'ok')).toEqual(
          before[refusal] === undefined ? [] : [refusal],
        );
        expect(Object.keys(after)).toEqual([refusal]);
      }
    },
  );

  test('every worker had acknowledged each of them in time', () => {
    expect(unacknowledged()).toEqual([]);
  });

  test.each(some)(
    '%s, while every worker has just lost its listener',
    async (_, { arrange, refusal }: Revocation) => {
      const { after } = await takeBack(await arrange(stage, newName()), cutListeners);
      expect(Object.keys(after)).toEqual([refusal]);
    },
  );
});

/** For a worker that cannot acknowledge: waited for, each time. */
const frozenMs = 2000;

/** Freezes a worker of the second daemon, takes the access back, and wakes it with requests in its sockets. */
async function takeBackFrozen(
  access: Access,
  upset: () => Promise<unknown>,
): Promise<{ tookMs: number; outcomes: Record<string, number> }> {
  const lines = await openLines(access);
  const [frozen] = childrenOf(stage.second.process.pid) as [number];
  const waiting: Promise<Answer>[] = [];
  let tookMs: number;
  process.kill(frozen, 'SIGSTOP');
  try {
    await upset();
    const asked = performance.now();
    await access.revoke();
    tookMs = performance.now() - asked;
    waiting.push(...lines.map((line) => ask(() => line.send())));
    // Those of the first daemon are answered at once; by then the others lie in their workers' sockets.
    await Promise.all(waiting.slice(0, ofSecond));
  } finally {
    process.kill(frozen, 'SIGCONT');
  }
  const outcomes = count(await Promise.all(waiting));
  for (const line of lines) line.close();
  return { tookMs, outcomes };
}

describe('taking access back beside a frozen worker', () => {
  useStage(frozenMs);

  describe.each([
    ['stopped', () => Promise.resolve()],
    ['stopped, and its listener cut, which it cannot know', cutListeners],
  ])('while a worker is %s', (_, upset) => {
    test.each(some)(
      '%s answers in bounded time, and the worker allows nothing when it wakes',
      async (__, { arrange, refusal }: Revocation) => {
        const { tookMs, outcomes } = await takeBackFrozen(await arrange(stage, newName()), upset);
        expect(Object.keys(outcomes)).toEqual([refusal]);
        // Beside the wait, what the call itself takes on a machine that has much to do.
        expect(tookMs).toBeLessThan(frozenMs + patientMs);
      },
    );
  });
});
