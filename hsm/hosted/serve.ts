/** The process of a further token: nothing in its arguments, its environment as configured, and a pipe to the daemon. */
import { writeFileSync } from 'node:fs';
import { Socket } from 'node:net';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { Channel } from './channel';
import { Host } from './host';
import { hostPipe, type FromHost, type ToHost } from './messages';

keepMemoryOutOfCoreDumps();
// The daemon says when it ends: a terminal and a supervisor signal the whole group, while requests are still served.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => undefined);

const channel: Channel<FromHost, ToHost> = new Channel(new Socket({ fd: hostPipe }), {
  onMessage: (message) => host.receive(message),
  // The daemon is gone, or has heard that the token is closed. Calls that hang in the library must not keep it.
  onEnd: () => process.kill(process.pid, 'SIGKILL'),
});
const host = new Host(channel);
// This thread may hang in the library when the daemon dies.
new Worker(join(__dirname, 'end-with-daemon.js')).unref();

/** As the daemon does for itself, with the same effect where it is not Linux: none. */
function keepMemoryOutOfCoreDumps(): void {
  try {
    writeFileSync('/proc/self/coredump_filter', '0', { flag: 'r+' });
  } catch {
    // The daemon has the same file, and warned.
  }
}
