import { Admission, type Admitted } from '../../src/xks/admission';

const deadlineMs = 200;

/** A clock that a test moves, and turns of the event loop that it ends. */
function clock(): {
  now: () => number;
  pass: (milliseconds: number) => void;
  afterTurn: (step: () => void) => void;
  endTurn: () => void;
} {
  let now = 0;
  let steps: (() => void)[] = [];
  return {
    now: () => now,
    pass: (milliseconds) => (now += milliseconds),
    afterTurn: (step) => steps.push(step),
    endTurn() {
      const due = steps;
      steps = [];
      for (const step of due) step();
    },
  };
}

/** What may be there at a time: as many as are let in when nobody leaves. */
function fill(admission: Admission): Admitted[] {
  const all: Admitted[] = [];
  for (;;) {
    const admitted = admission.enter();
    if (admitted === undefined) return all;
    all.push(admitted);
  }
}

/**
 * A token that does one request after the other. Requests come evenly, each in a turn of its own; those that are let in
 * wait for it. Returns how long each of them took, and how many were refused.
 */
function serve(
  admission: Admission,
  time: ReturnType<typeof clock>,
  load: { readonly milliseconds: number; readonly perMs: number; readonly serviceMs: number },
): { took: number[]; refused: number } {
  const queue: Admitted[] = [];
  const took: number[] = [];
  let [refused, owed, done] = [0, 0, 0];
  const step = 0.25;
  for (let passed = 0; passed < load.milliseconds || queue.length > 0; passed += step) {
    time.pass(step);
    owed += passed < load.milliseconds ? load.perMs * step : 0;
    for (; owed >= 1; owed--) {
      const admitted = admission.enter();
      time.endTurn();
      if (admitted === undefined) refused += 1;
      else queue.push(admitted);
    }
    done = queue.length === 0 ? 0 : done + step / load.serviceMs;
    for (; done >= 1 && queue.length > 0; done--) {
      const admitted = queue.shift()!;
      took.push(time.now() - admitted.since);
      admission.leave(admitted);
    }
  }
  return { took, refused };
}

function start(): { admission: Admission; time: ReturnType<typeof clock> } {
  const time = clock();
  const { now, afterTurn } = time;
  return { admission: new Admission({ deadlineMs, now, afterTurn }), time };
}

test('what can be done in time is never refused', () => {
  const { admission, time } = start();
  const { took, refused } = serve(admission, time, {
    milliseconds: 5000,
    perMs: 3.8,
    serviceMs: 0.25,
  });
  expect(refused).toBe(0);
  expect(Math.max(...took)).toBeLessThan(5);
});

test.each([
  ['a quick token', { perMs: 12, serviceMs: 0.25 }],
  ['a slow token', { perMs: 1.5, serviceMs: 2 }],
  ['a very slow token', { perMs: 1, serviceMs: 10 }],
])('above what %s can do the newest are refused, and the others are in time', (_name, load) => {
  const { admission, time } = start();
  serve(admission, time, { milliseconds: 3000, ...load });
  const { took, refused } = serve(admission, time, { milliseconds: 10_000, ...load });
  expect(Math.max(...took)).toBeLessThan(deadlineMs * 0.8);
  expect(took.length).toBeGreaterThan((10_000 / load.serviceMs) * 0.95);
  expect(took.length + refused).toBeCloseTo(10_000 * load.perMs, -1);
});

test('a token that gets slow makes some late, and then fewer are let in', () => {
  const { admission, time } = start();
  serve(admission, time, { milliseconds: 2000, perMs: 6, serviceMs: 0.25 });
  const load = { perMs: 1, serviceMs: 10 };
  expect(Math.max(...serve(admission, time, { milliseconds: 1000, ...load }).took)).toBeGreaterThan(
    deadlineMs,
  );
  const { took } = serve(admission, time, { milliseconds: 2000, ...load });
  expect(Math.max(...took)).toBeLessThan(deadlineMs);
});

test('what hangs is tried again by a few, and when it answers as many as before are let in soon', () => {
  const { admission, time } = start();
  for (let round = 0; round < 20; round++) {
    const all = fill(admission);
    expect(all.length).toBeGreaterThanOrEqual(8);
    time.pass(deadlineMs);
    for (const admitted of all) admission.leave(admitted);
    time.endTurn();
  }
  expect(admission.counters()).toEqual({ limit: 8, present: 0 });
  const load = { milliseconds: 2000, perMs: 4, serviceMs: 0.25 };
  serve(admission, time, { ...load, perMs: 8 });
  expect(serve(admission, time, load).refused).toBe(0);
});

test('one pause, however many it makes late, costs no more than half of the places', () => {
  const { admission, time } = start();
  const all = fill(admission);
  expect(all).toHaveLength(256);
  time.pass(deadlineMs);
  for (const admitted of all.slice(0, 20)) admission.leave(admitted);
  expect(admission.counters()).toEqual({ limit: 128, present: 236 });
});

test('the first few of a turn of the event loop are worked on, and what comes after a fifth of the deadline is refused', () => {
  const { admission, time } = start();
  const costs = { accepted: 0.5, refused: 0.01 };
  const decisions = Array.from({ length: 200 }, () => {
    const admitted = admission.enter();
    time.pass(admitted === undefined ? costs.refused : costs.accepted);
    return admitted !== undefined;
  });
  expect(decisions.filter(Boolean)).toHaveLength(81);
  expect(decisions.lastIndexOf(true)).toBe(80);
  time.endTurn();
  expect(admission.enter()).toBeDefined();
});

test('a turn of the event loop in which few are there refuses none', () => {
  const { admission, time } = start();
  const decisions = Array.from({ length: 9 }, () => {
    time.pass(deadlineMs);
    return admission.enter() !== undefined;
  });
  expect(decisions).toEqual([...Array.from({ length: 8 }, () => true), false]);
});

test('requests that stay where there is room change nothing', () => {
  const { admission, time } = start();
  for (let asked = 0; asked < 10_000; asked++) {
    const admitted = admission.enter()!;
    time.pass(1);
    admission.leave(admitted);
    time.endTurn();
  }
  expect(admission.counters()).toEqual({ limit: 256, present: 0 });
});
