import { execFile } from 'node:child_process';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';

/** The `openssl` command line, which shares no code with node:crypto: that has an OpenSSL of its own in it. */
export interface OpenSsl {
  /** Runs it; a Buffer among the arguments becomes the name of a file that holds it. Resolves to its standard output. */
  run(...args: readonly (string | Buffer)[]): Promise<Buffer>;
  /** Whether it says that a signature is one. Rejects where it says neither. */
  verifies(...args: readonly (string | Buffer)[]): Promise<boolean>;
  remove(): Promise<void>;
}

interface Ended {
  readonly code: number;
  readonly stdout: Buffer;
  readonly stderr: string;
}

export async function openOpenSsl(): Promise<OpenSsl> {
  const directory = await mkdtemp(path.join(tmpdir(), 'claviger-openssl-'));
  let files = 0;
  const fileOf = async (bytes: Buffer): Promise<string> => {
    const file = path.join(directory, String((files += 1)));
    await writeFile(file, bytes, { mode: 0o600 });
    return file;
  };
  const execute = async (args: readonly (string | Buffer)[]): Promise<Ended> => {
    const named = await Promise.all(
      args.map(async (one) => (typeof one === 'string' ? one : fileOf(one))),
    );
    return new Promise((resolve) => {
      execFile('openssl', named, { encoding: 'buffer' }, (error, stdout, stderr) => {
        const code = error === null ? 0 : Number(error.code ?? -1);
        resolve({ code, stdout, stderr: stderr.toString('utf8') });
      });
    });
  };
  return {
    run: async (...args) => {
      const { code, stdout, stderr } = await execute(args);
      if (code !== 0) throw new Error(`openssl ${String(args[0])} ended with ${code}: ${stderr}`);
      return stdout;
    },
    verifies: async (...args) => {
      const { stdout, stderr } = await execute(args);
      const said = stdout.toString('utf8');
      if (/^(Verified OK|Signature Verified Successfully)$/m.test(said)) return true;
      if (/^(Verification failure|Signature Verification Failure)$/m.test(said)) return false;
      throw new Error(`openssl ${String(args[0])} says neither: ${said} ${stderr}`);
    },
    remove: () => rm(directory, { recursive: true, force: true }),
  };
}
