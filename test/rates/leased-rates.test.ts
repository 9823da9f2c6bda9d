import { LeasedRates } from '../../src/rates/leased-rates';
import { RatePool } from '../../src/rates/rate-pool';

const key = 'xks /a';
const hopMs = 1;

/** Some workers and their primary, on one clock. A message takes a millisecond, and what hangs takes none in. */
class Fleet {
  now = 0;
  private readonly steps: { at: number; step: () => void }[] = [];
  private readonly workers = new Map<number, LeasedRates>();
  private hanging: (() => void)[] | undefined;
  readonly sent: { fromWorkers: number } = { fromWorkers: 0 };
  readonly pool: RatePool<number>;

  constructor(private readonly size: number) {
    this.pool = new RatePool<number>({
      workers: size,
      now: () => this.now,
      later: (step, milliseconds) => this.in(milliseconds, () => this.inPrimary(step)),
      send: (worker, message) => this.in(hopMs, () => this.workers.get(worker)?.granted(message)),
    });
    for (let worker = 0; worker < size; worker++) this.start(worker);
  }

  start(worker: number): void {
    const rates = new LeasedRates({
      workers: this.size,
      now: () => this.now,
      later: (step, milliseconds) => this.in(milliseconds, step),
      send: (message) => {
        this.sent.fromWorkers += 1;
        this.in(hopMs, () => this.inPrimary(() => this.pool.report(worker, message)));
      },
    });
    this.workers.set(worker, rates);
  }

  end(worker: number): void {
    this.workers.delete(worker);
    this.in(hopMs, () => this.inPrimary(() => this.pool.leave(worker)));
  }

  hang(): void {
    this.hanging ??= [];
  }

  wake(): void {
    const missed = this.hanging ?? [];
    this.hanging = undefined;
    for (const step of missed) step();
  }

  of(worker: number): LeasedRates {
    const rates = this.workers.get(worker);
    if (rates === undefined) throw new Error('the worker is gone');
    return rates;
  }

  /** A millisecond at a time; `demand` says how often each worker asks in it. */
  run(
    milliseconds: number,
    demand: Readonly<Record<number, number>>,
    perSecond: number,
  ): Record<number, number> {
    const taken: Record<number, number> = {};
    const owed: Record<number, number> = {};
    for (let passed = 0; passed < milliseconds; passed++) {
      this.pass();
      for (const [name, perMs] of Object.entries(demand)) {
        const worker = Number(name);
        taken[worker] ??= 0;
        owed[worker] = (owed[worker] ?? 0) + perMs;
        for (; owed[worker] >= 1; owed[worker]--) {
          if (this.of(worker).take(key, perSecond)) taken[worker] += 1;
        }
      }
    }
    return taken;
  }

  private pass(): void {
    this.now += 1;
    for (;;) {
      const next = this.steps.findIndex(({ at }) => at <= this.now);
      if (next === -1) return;
      this.steps.splice(next, 1)[0]?.step();
    }
  }

  private in(milliseconds: number, step: () => void): void {
    this.steps.push({ at: this.now + milliseconds, step });
  }

  private inPrimary(step: () => void): void {
    if (this.hanging === undefined) step();
    else this.hanging.push(step);
  }
}

const sum = (taken: Readonly<Record<number, number>>): number =>
  Object.values(taken).reduce((total, one) => total + one, 0);

test.each([1, 2, 3, 16])(
  '%i workers that all want too much get a second at once and the rate from then on, each its part',
  (size) => {
    const fleet = new Fleet(size);
    const all = Object.fromEntries(Array.from({ length: size }, (_, worker) => [worker, 5]));
    const taken = fleet.run(10_000, all, 1000);
    expect(sum(taken)).toBeLessThanOrEqual(11_000);
    expect(sum(taken)).toBeGreaterThan(10_700);
    for (const one of Object.values(taken))
      expect(Math.abs(one - sum(taken) / size)).toBeLessThan(30);
  },
);

test.each([1, 2, 8, 64])('of %i workers one alone gets the whole rate', (size) => {
  const fleet = new Fleet(size);
  expect(fleet.run(10_000, { 0: 5 }, 1000)[0]).toBeGreaterThan(9800);
  expect(fleet.run(10_000, { 0: 5 }, 1000)[0]).toBeLessThanOrEqual(10_020);
});

test('what stays below the rate is never refused, however the workers divide it', () => {
  const fleet = new Fleet(4);
  for (const demand of [{ 0: 0.9 }, { 0: 0.3, 1: 0.6 }, { 2: 0.7, 3: 0.2, 1: 0.05 }]) {
    const wanted = Object.values(demand).reduce((total, one) => total + one, 0) * 4000;
    expect(sum(fleet.run(4000, demand, 1000))).toBeGreaterThanOrEqual(Math.floor(wanted) - 3);
  }
});

test('who wants little gets it all, and the others the rest evenly', () => {
  const fleet = new Fleet(3);
  fleet.run(2000, { 0: 0.1, 1: 3, 2: 5 }, 1000);
  const taken = fleet.run(10_000, { 0: 0.1, 1: 3, 2: 5 }, 1000);
  expect(taken[0]).toBeGreaterThan(995);
  expect(sum(taken)).toBeGreaterThan(9900);
  expect(sum(taken)).toBeLessThan(10_050);
  expect(Math.abs((taken[1] ?? 0) - (taken[2] ?? 0))).toBeLessThan(100);
});

test('in no stretch of time more is taken than a second has and time brings, whoever asks when', () => {
  const fleet = new Fleet(4);
  const each: number[] = [];
  let seed = 7;
  const random = (): number => (seed = (seed * 48_271) % 2_147_483_647) / 2_147_483_647;
  for (let turn = 0; turn < 600; turn++) {
    const demand = {
      [Math.floor(random() * 4)]: random() * 8,
      [Math.floor(random() * 4)]: random(),
    };
    each.push(sum(fleet.run(20, demand, 200)));
  }
  expect(each.some((taken) => taken > 4)).toBe(true);
  for (let from = 0; from < each.length; from++) {
    let taken = 0;
    const tooMuch = each.slice(from).findIndex((more, turns) => {
      taken += more;
      return taken > 200 + (turns + 1) * 4 + 4;
    });
    expect(tooMuch).toBe(-1);
  }
});

test('where there are more workers than requests a second, each can have one', () => {
  const fleet = new Fleet(4);
  expect(fleet.run(2, { 0: 1, 1: 1, 2: 1, 3: 1 }, 1)).toEqual({ 0: 1, 1: 1, 2: 1, 3: 1 });
  expect(sum(fleet.run(20_000, { 0: 1, 1: 1, 2: 1, 3: 1 }, 1))).toBeLessThanOrEqual(20);
  expect(fleet.run(20_000, { 0: 1 }, 1)[0]).toBeGreaterThanOrEqual(18);
});

test('a rate that is not used is forgotten by all, and nothing is sent', () => {
  const fleet = new Fleet(2);
  fleet.run(1000, { 0: 5, 1: 5 }, 100);
  expect(fleet.pool.size).toBe(1);
  fleet.run(2000, {}, 100);
  expect([fleet.pool.size, fleet.of(0).size, fleet.of(1).size]).toEqual([0, 0, 0]);
  const { fromWorkers } = fleet.sent;
  fleet.run(10_000, {}, 100);
  expect(fleet.sent.fromWorkers).toBe(fromWorkers);
  expect(fleet.run(1, { 0: 500, 1: 500 }, 100)).toEqual({ 0: 50, 1: 50 });
});

test('a busy worker reports no more often than the primary answers', () => {
  const fleet = new Fleet(2);
  fleet.run(1000, { 0: 10 }, 5000);
  expect(fleet.sent.fromWorkers).toBeLessThanOrEqual(41);
});

test('a rate that is changed is another, and the old one is forgotten', () => {
  const fleet = new Fleet(2);
  fleet.run(1000, { 0: 5, 1: 5 }, 1000);
  const taken = fleet.run(10_000, { 0: 5, 1: 5 }, 10);
  expect(sum(taken)).toBeLessThanOrEqual(110);
  expect(sum(taken)).toBeGreaterThan(100);
  expect(fleet.pool.size).toBe(1);
});

test('when a worker dies the others get its part, and its successor starts with a share', () => {
  const fleet = new Fleet(2);
  fleet.run(3000, { 0: 5, 1: 5 }, 1000);
  fleet.end(1);
  const alone = fleet.run(4000, { 0: 5 }, 1000);
  expect(alone[0]).toBeGreaterThan(3900);
  expect(alone[0]).toBeLessThanOrEqual(4050);
  fleet.start(1);
  const both = fleet.run(4000, { 0: 5, 1: 5 }, 1000);
  expect(sum(both)).toBeLessThanOrEqual(4550);
  expect(both[1]).toBeGreaterThan(1900);
});

test('a worker that dies with everybody else idle leaves nothing behind', () => {
  const fleet = new Fleet(2);
  fleet.run(100, { 0: 50 }, 1000);
  fleet.end(0);
  fleet.run(100, {}, 1000);
  expect(fleet.pool.size).toBe(0);
});

test('while the primary hangs every worker gets its even part of the rate', () => {
  const fleet = new Fleet(2);
  fleet.run(2000, { 0: 5, 1: 5 }, 1000);
  fleet.hang();
  const taken = fleet.run(10_000, { 0: 5, 1: 0.1 }, 1000);
  expect(taken[0]).toBeGreaterThan(4800);
  expect(taken[0]).toBeLessThanOrEqual(5000);
  expect(taken[1]).toBeGreaterThan(950);
});

test('when the primary is back all is as before, and what was taken meanwhile is not given again', () => {
  const fleet = new Fleet(2);
  fleet.run(2000, { 0: 5, 1: 5 }, 1000);
  fleet.hang();
  const hung = fleet.run(10_000, { 0: 5, 1: 5 }, 1000);
  fleet.wake();
  const after = fleet.run(5000, { 0: 5, 1: 5 }, 1000);
  expect(sum(hung) + sum(after)).toBeLessThanOrEqual(15_300);
  expect(sum(after)).toBeGreaterThan(4900);
  fleet.run(1000, {}, 1000);
  expect(fleet.run(5000, { 0: 5 }, 1000)[0]).toBeGreaterThan(5300);
});

test.each([1, 2, 5])(
  'who was refused by one of %i workers is served when it was told that it would be, whatever the others lack',
  (size) => {
    const fleet = new Fleet(size);
    const slow = 0.25;
    const once = Object.fromEntries(Array.from({ length: size }, (_, worker) => [worker, 1]));
    fleet.run(1, once, slow);
    expect(fleet.of(0).take(key, slow)).toBe(false);
    const seconds = fleet.of(0).secondsUntil(key, slow);
    expect(seconds).toBeCloseTo(4 * size, 0);
    fleet.run(Math.ceil(seconds * 1000), {}, slow);
    expect(fleet.of(0).take(key, slow)).toBe(true);
  },
);
