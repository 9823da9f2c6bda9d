import { TokenFault } from './return-values';

/** Half a second, many times what a busy machine lets a process wait for its turn between two system calls. */
const looks = 25;
const pauseMs = 20;

const never = new Int32Array(new SharedArrayBuffer(4));

/**
 * At every C_Login, of whatever process, SoftHSM 2.6.1 writes the file of the token itself: it truncates the file, gives
 * up its lock and only then writes (ObjectFile::store). Who looks in between sees a token without a name: C_GetTokenInfo
 * and C_Login fail, and C_Initialize leaves the token out. So such a failure is believed when it stays. Blocks: for lanes.
 */
export function untilItPasses<T>(look: () => T, between: () => void = () => undefined): T {
  for (let left = looks; ; left -= 1) {
    try {
      return look();
    } catch (error) {
      if (left === 0 || !(error instanceof TokenFault) || error.meaning.passing !== true)
        throw error;
      between();
      Atomics.wait(never, 0, 0, pauseMs);
    }
  }
}
