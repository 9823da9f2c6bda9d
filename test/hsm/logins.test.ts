import { readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { connect, type ConnectOptions } from '../../hsm/connect';
import { assertHealthy, finalise, type Library, loadLibrary } from '../../hsm/module';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';

/** The calls during which another process may be in the middle of its C_Login. */
type Interrupted = 'C_Initialize' | 'C_GetTokenInfo' | 'C_Login';

let hsm: SoftHsm;
let library: Library;
let options: ConnectOptions;

beforeEach(async () => {
  hsm = await makeSoftHsm();
  library = loadLibrary(hsm.module);
  options = {
    ...{ token: { label: hsm.label, serial: hsm.serial }, pin: hsm.pin },
    ...{ reinitialise: false, local: true, ivSource: 'random' },
    libraryParameters: undefined,
  };
});

afterEach(async () => {
  finalise(library);
  await hsm.remove();
});

function tokenFile(): string {
  const [directory = ''] = readdirSync(hsm.tokenDir);
  return join(hsm.tokenDir, directory, 'token.object');
}

/**
 * Leaves the token's file as SoftHSM does between truncating and writing it, while `work` runs. What it writes begins with
 * the next generation number.
 */
function duringLogin<T>(work: () => T): T {
  const file = tokenFile();
  const content = readFileSync(file);
  truncateSync(file);
  try {
    return work();
  } finally {
    content.writeBigUInt64BE(content.readBigUInt64BE() + 1n);
    writeFileSync(file, content);
  }
}

/** The function's next `times` calls meet another process's C_Login. Gives how many calls were made in all. */
function interrupt(fn: Interrupted, times: number): () => number {
  const original = library[fn].bind(library) as (...args: unknown[]) => unknown;
  let calls = 0;
  const interrupted = (...args: unknown[]): unknown => {
    calls += 1;
    return calls > times ? original(...args) : duringLogin(() => original(...args));
  };
  Object.assign(library, { [fn]: interrupted });
  return () => calls;
}

test.each<[Interrupted]>([['C_Initialize'], ['C_GetTokenInfo'], ['C_Login']])(
  'connecting looks again where %s meets the login of another process',
  (fn) => {
    const calls = interrupt(fn, 3);
    expect(connect(library, options)).toMatchObject({ label: hsm.label, serial: hsm.serial });
    expect(calls()).toBeGreaterThan(3);
  },
);

function connected(): Parameters<typeof assertHealthy>[1] {
  const { slot, owner, serial } = connect(library, options);
  return { slot: Buffer.from(slot), owner: Buffer.from(owner), serial };
}

test('a token is not lost because another process logs in while it is looked at', () => {
  const token = connected();
  const calls = interrupt('C_GetTokenInfo', 3);
  assertHealthy(library, token);
  expect(calls()).toBe(4);
});

test('a token that stays away is lost', () => {
  const token = connected();
  const calls = interrupt('C_GetTokenInfo', Infinity);
  expect(() => assertHealthy(library, token)).toThrow(
    expect.objectContaining({
      code: 'token-unavailable',
      message: 'C_GetTokenInfo: CKR_GENERAL_ERROR',
    }) as Error,
  );
  expect(calls()).toBe(26);
});

test('a PIN is refused at once: real tokens lock', () => {
  const calls = interrupt('C_Login', 0);
  expect(() => connect(library, { ...options, pin: 'wrong' })).toThrow(
    expect.objectContaining({
      code: 'pin-incorrect',
      message: 'C_Login: CKR_PIN_INCORRECT',
    }) as Error,
  );
  expect(calls()).toBe(1);
});
