import { fork } from 'node:child_process';
import { once } from 'node:events';
import { drive, type Phase, type Result } from './drive';

type Reply = { readonly result: Result } | { readonly error: string };

/** The load generator, in a process of its own. */
export interface LoadGenerator {
  readonly pid: number;
  /** Rejects when an answer is not a success or not true. */
  run(phase: Phase): Promise<Result>;
  stop(): Promise<void>;
}

export function startLoadGenerator(): LoadGenerator {
  const child = fork(__filename, [], { execArgv: [] });
  if (child.pid === undefined) throw new Error('the load generator could not be started');
  const gone = once(child, 'exit').then(() => {
    throw new Error('the load generator ended');
  });
  gone.catch(() => undefined);
  return {
    pid: child.pid,
    run: async (phase) => {
      if (!child.connected) throw new Error('the load generator was stopped');
      child.send(phase);
      const [reply] = (await Promise.race([once(child, 'message'), gone])) as [Reply];
      if ('error' in reply) throw new Error(reply.error);
      return reply.result;
    },
    stop: async () => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      if (child.connected) child.disconnect();
      await once(child, 'exit');
    },
  };
}

async function answer(phase: Phase): Promise<Reply> {
  try {
    return { result: await drive(phase) };
  } catch (error) {
    return { error: error instanceof Error ? error.message : 'failed' };
  }
}

if (require.main === module) {
  process.on('message', (phase: Phase) => {
    void answer(phase).then((reply) => process.send?.(reply));
  });
  process.on('disconnect', () => process.exit());
}
