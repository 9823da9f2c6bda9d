/** A thread that waits for the daemon to let go of its end of a pipe, which it does when it dies, and then ends the process. */
import { readSync } from 'node:fs';
import { lifePipe } from './messages';

try {
  // Nothing is ever written to it.
  readSync(lifePipe, new Uint8Array(1));
} finally {
  process.kill(process.pid, 'SIGKILL');
}
