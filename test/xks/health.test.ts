import {
  type Fleet,
  type HealthEvent,
  type HealthOptions,
  type KeyManager,
  HealthWatch,
} from '../../src/xks/health';
import { until } from '../support/until';

let now = 0;
const watches: HealthWatch[] = [];
beforeEach(() => {
  now = 0;
});
afterEach(() => {
  for (const watch of watches.splice(0)) watch.close();
});

interface Stage {
  readonly watch: HealthWatch;
  readonly changes: HealthEvent[];
  readonly unknown: unknown[];
  health(): string[];
}

/** A manager that does what a test says next; the last of it for ever. */
function managerOf(id: string, ...outcomes: (() => Promise<void>)[]): KeyManager {
  const left = [...outcomes];
  const exercise = (): Promise<void> => (left.length > 1 ? left.shift() : left[0])!();
  return { id, model: `model of ${id}`, exercise };
}

const good = (): Promise<void> => Promise.resolve();
const bad = (): Promise<void> => Promise.reject(new Error('CKR_DEVICE_ERROR'));
const slow = (): Promise<void> => {
  now += 101;
  return Promise.resolve();
};
const hanging = (): Promise<void> => new Promise(() => undefined);

function watching(
  [first, ...managers]: readonly [KeyManager, ...KeyManager[]],
  options: Partial<HealthOptions> = {},
): Stage {
  const changes: HealthEvent[] = [];
  const unknown: unknown[] = [];
  const watch = new HealthWatch({
    first,
    vendor: 'SoftHSM project',
    fleet: () => Promise.resolve({ size: 3, managers }),
    version: '1.2.3',
    slowMs: 100,
    onChange: (event) => changes.push(event),
    onUnknown: (error) => unknown.push(error),
    now: () => now,
    ...options,
  });
  watches.push(watch);
  const health = (): string[] =>
    watch.status().ekmFleetDetails.map(({ healthStatus }) => healthStatus);
  return { watch, changes, unknown, health };
}

test('the status names proxy, fleet, vendor and every token', async () => {
  const { watch, changes, health } = watching([managerOf('a', good), managerOf('b', good)]);
  await watch.start();
  await until('the other was looked at', () => health()[1] === 'ACTIVE');
  expect(watch.status()).toEqual({
    xksProxyFleetSize: 3,
    xksProxyVendor: 'Claviger',
    xksProxyModel: 'Claviger 1.2.3',
    ekmVendor: 'SoftHSM project',
    ekmFleetDetails: [
      { id: 'a', model: 'model of a', healthStatus: 'ACTIVE' },
      { id: 'b', model: 'model of b', healthStatus: 'ACTIVE' },
    ],
  });
  expect(changes).toEqual([]);
});

test('before the first look nothing is known to work', () => {
  expect(watching([managerOf('a', good)]).health()).toEqual(['UNAVAILABLE']);
});

test.each([
  ['works at once', [good], 'ACTIVE'],
  ['is slow once', [slow, good], 'ACTIVE'],
  ['fails once', [bad, good], 'DEGRADED'],
  ['is slow and then fails', [slow, bad], 'DEGRADED'],
  ['is slow every time', [slow], 'DEGRADED'],
  ['fails every time', [bad], 'UNAVAILABLE'],
])('a token that %s is as healthy as that', async (_what, outcomes, expected) => {
  const { watch, health } = watching([managerOf('a', ...outcomes)]);
  await watch.start();
  expect(health()).toEqual([expected]);
});

test('one of several that fails is told of itself, and the others serve', async () => {
  const { watch, health, changes } = watching([managerOf('a', good), managerOf('b', bad)]);
  await watch.start();
  await until('it was looked at', () => changes.length > 0);
  expect(health()).toEqual(['ACTIVE', 'UNAVAILABLE']);
  expect(changes).toMatchObject([
    { manager: { id: 'b' }, health: 'UNAVAILABLE', error: new Error('CKR_DEVICE_ERROR') },
  ]);
});

test('a change is told once, and so is the way back', async () => {
  const manager = managerOf('a', bad, bad, bad, bad, good);
  const { watch, health, changes } = watching([manager], { intervalMs: 1 });
  await watch.start();
  await until('it works again', () => health()[0] === 'ACTIVE');
  expect(changes.map(({ health: to, error }) => [to, error])).toEqual([
    ['UNAVAILABLE', new Error('CKR_DEVICE_ERROR')],
    ['ACTIVE', undefined],
  ]);
});

test('what was seen more than a minute ago is not told', async () => {
  const { watch, health } = watching([managerOf('a', good, hanging)], { intervalMs: 1 });
  await watch.start();
  now = 60_000;
  expect(health()).toEqual(['ACTIVE']);
  now = 60_001;
  expect(health()).toEqual(['UNAVAILABLE']);
});

test('what took long to see is as old as its beginning', async () => {
  const patient = (): Promise<void> => {
    now += 50_000;
    return Promise.resolve();
  };
  const { watch, health } = watching([managerOf('a', patient)], { slowMs: 100_000 });
  await watch.start();
  expect([now, health()]).toEqual([50_000, ['ACTIVE']]);
  now += 10_001;
  expect(health()).toEqual(['UNAVAILABLE']);
});

test('one that hangs is asked once, and holds up no other', async () => {
  let asked = 0;
  const hangs = (): Promise<void> => {
    asked += 1;
    return hanging();
  };
  let looks = 0;
  const busy = (): Promise<void> => {
    looks += 1;
    return Promise.resolve();
  };
  const { watch, health } = watching([managerOf('a', busy), managerOf('b', hangs)], {
    intervalMs: 1,
  });
  void watch.start();
  await until('the other was looked at often', () => looks > 5);
  expect(asked).toBe(1);
  expect(health()).toEqual(['ACTIVE', 'UNAVAILABLE']);
});

test('a fleet that cannot be read is as it was, and never nobody', async () => {
  const failure = new Error('no database');
  const sizes = [0, 4];
  const managers = [managerOf('b', good)];
  const fleet = (): Promise<Fleet> => {
    const size = sizes.shift();
    return size === undefined ? Promise.reject(failure) : Promise.resolve({ size, managers });
  };
  const { watch, unknown } = watching([managerOf('a', good)], { fleet, intervalMs: 1 });
  expect(watch.status().xksProxyFleetSize).toBe(1);
  await watch.start();
  expect(watch.status().xksProxyFleetSize).toBe(1);
  await until('it cannot be read', () => unknown.length > 0);
  expect(unknown[0]).toBe(failure);
  const { xksProxyFleetSize, ekmFleetDetails } = watch.status();
  expect([xksProxyFleetSize, ekmFleetDetails.length]).toEqual([4, 2]);
});

test('no more than ten tokens are told', async () => {
  const [first, ...others] = Array.from({ length: 12 }, (_, i) => managerOf(String(i), good));
  const { watch, health } = watching([first!, ...others]);
  await watch.start();
  expect(health()).toHaveLength(10);
});

test('it looks at once and every five seconds, and no more once it is closed', async () => {
  jest.useFakeTimers();
  try {
    let looks = 0;
    const counting = (): Promise<void> => {
      looks += 1;
      return Promise.resolve();
    };
    const { watch } = watching([managerOf('a', counting)]);
    await watch.start();
    await jest.advanceTimersByTimeAsync(15_000);
    expect(looks).toBe(4);
    watch.close();
    await jest.advanceTimersByTimeAsync(60_000);
    expect(looks).toBe(4);
  } finally {
    jest.useRealTimers();
  }
});
