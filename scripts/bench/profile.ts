/**
 * Preloaded into a worker, it writes a CPU profile of its life into the directory of CLAVIGER_BENCH_PROFILE when it
 * ends. Node.js 20 does not take --cpu-prof from NODE_OPTIONS, and cluster workers take no other.
 */
import cluster from 'node:cluster';
import { writeFileSync } from 'node:fs';
import { Session } from 'node:inspector';
import path from 'node:path';
import { isMainThread } from 'node:worker_threads';

const directory = process.env['CLAVIGER_BENCH_PROFILE'];

if (directory !== undefined && cluster.isWorker && isMainThread) {
  const session = new Session();
  session.connect();
  session.post('Profiler.enable');
  session.post('Profiler.setSamplingInterval', { interval: 500 });
  session.post('Profiler.start');
  process.on('exit', () => {
    session.post('Profiler.stop', (_, { profile }) => {
      const program = path.basename(process.argv[1] ?? 'node', '.js');
      const file = path.join(directory, `${program}-${process.pid}.cpuprofile`);
      writeFileSync(file, JSON.stringify(profile));
    });
  });
}
