import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { type TestDaemon, commandLine } from './daemon';

export interface Found {
  readonly kind: string;
  readonly subject: string;
  readonly details: Readonly<Record<string, string | number>>;
  readonly repairable: boolean;
  readonly mended: string | null;
  readonly failed: string | null;
}

export interface Diagnosis {
  readonly code: number;
  readonly findings: readonly Found[];
  readonly remaining: number;
  readonly tokenAway: string | null;
}

export interface DoctorRun {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** Runs `claviger doctor <args>` with a daemon's settings, and some of a test's own. */
export async function runDoctor(
  { environment }: Pick<TestDaemon, 'environment'>,
  ...args: readonly string[]
): Promise<DoctorRun> {
  const command = [commandLine, 'doctor', ...args];
  try {
    const { stdout, stderr } = await promisify(execFile)(process.execPath, command, {
      env: environment,
    });
    return { code: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
    return { code, out: stdout, err: stderr };
  }
}

/** What `claviger doctor --json` says. */
export async function diagnose(
  daemon: Pick<TestDaemon, 'environment'>,
  ...args: readonly string[]
): Promise<Diagnosis> {
  const { code, out, err } = await runDoctor(daemon, '--json', ...args);
  if (out === '') throw new Error(`claviger doctor printed nothing, and: ${err}`);
  return { code, ...(JSON.parse(out) as Omit<Diagnosis, 'code'>) };
}

/** Everything that is not as it should be. */
export async function disagreements(daemon: Pick<TestDaemon, 'environment'>): Promise<Found[]> {
  const { findings, tokenAway } = await diagnose(daemon);
  if (tokenAway !== null) throw new Error(tokenAway);
  return [...findings];
}
