import { fork } from 'node:child_process';
import { once } from 'node:events';

type Reply<R> = { readonly result: R } | { readonly error: string };

/** A load generator, in a process of its own. */
export interface Generator<P, R> {
  readonly pid: number;
  /** Rejects when an answer is not a success or not true. */
  run(phase: P): Promise<R>;
  stop(): Promise<void>;
}

/** Starts a program that calls `generate`. */
export function startGenerator<P extends object, R>(program: string): Generator<P, R> {
  const child = fork(program, [], { execArgv: [] });
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
      const [reply] = (await Promise.race([once(child, 'message'), gone])) as [Reply<R>];
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

/** In the process of a load generator: drives each phase that it is told of. */
export function generate(drive: (phase: unknown) => Promise<unknown>): void {
  const answer = async (phase: unknown): Promise<Reply<unknown>> => {
    try {
      return { result: await drive(phase) };
    } catch (error) {
      return { error: error instanceof Error ? error.message : 'failed' };
    }
  };
  process.on('message', (phase) => {
    void answer(phase).then((reply) => process.send?.(reply));
  });
  process.on('disconnect', () => process.exit());
}
