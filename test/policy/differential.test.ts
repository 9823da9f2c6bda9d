import { type Case, casesOf } from './differential/cases';
import { asTheJudge, exceptions } from './differential/exceptions';
import { type Verdict, judge } from './differential/judge';
import { ours } from './differential/ours';

/** Changed by hand to look further; the same cases for the same seed. */
const seed = 20_260_101;
const caseCount = 6000;
const batch = 500;

interface Judged {
  readonly one: Case;
  readonly ours: Verdict;
  readonly judge: Verdict;
}

const agree = (a: Verdict, b: Verdict): boolean => JSON.stringify(a) === JSON.stringify(b);
const judged: Judged[] = [];
const disagreements = (): Judged[] => judged.filter((one) => !agree(one.ours, one.judge));

describe(`${caseCount} generated cases, decided by our evaluator and by @cloud-copilot/iam-simulate`, () => {
  beforeAll(async () => {
    const cases = casesOf(seed, caseCount);
    for (let i = 0; i < cases.length; i += batch) {
      const some = cases.slice(i, i + batch);
      const verdicts = await Promise.all(some.map(judge));
      some.forEach((one, j) => judged.push({ one, ours: ours(one), judge: verdicts[j]! }));
    }
  }, 120_000);

  test('disagree nowhere but where an exception says why', () => {
    const unexplained = disagreements().filter(
      ({ one, judge: theirs }) => !agree(asTheJudge(one, ours), theirs),
    );
    expect(unexplained.slice(0, 3)).toEqual([]);
  });

  test.each(exceptions)('need the exception: $name', (exception) => {
    const explained = disagreements().filter(({ one, judge: theirs }) =>
      agree(asTheJudge(one, ours, [exception]), theirs),
    );
    expect(explained.length).toBeGreaterThan(0);
  });

  test('have every outcome in every kind of policy', () => {
    const counts = new Map<string, number>();
    for (const { judge: verdict } of judged) {
      for (const outcome of Object.entries(verdict).map(String)) {
        counts.set(outcome, (counts.get(outcome) ?? 0) + 1);
      }
    }
    const outcomes = ['ImplicitlyDenied', 'Allowed', 'ExplicitlyDenied'];
    const kinds = ['identity', 'boundary', 'session', 'key', 'overall'];
    const all = [...kinds.flatMap((kind) => outcomes.map((one) => `${kind},${one}`))];
    for (const one of [...all, 'key,AllowedForAccount']) {
      expect([one, (counts.get(one) ?? 0) >= 100]).toEqual([one, true]);
    }
  });
});
