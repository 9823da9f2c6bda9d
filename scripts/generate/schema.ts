import { chmodSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { migrate } from '../../src/db/migrate';
import { startPostgres } from '../postgres';
import { dumpSchema } from '../postgres/dump';

const target = path.join(__dirname, '..', '..', '..', 'migrations', 'schema.sql');

/** Writes migrations/schema.sql from a fresh database; with --check says whether it is up to date instead. */
async function main(check: boolean): Promise<number> {
  const directory = mkdtempSync(path.join(tmpdir(), 'claviger-schema-'));
  // As root the server runs under another account, which must pass through here.
  chmodSync(directory, 0o711);
  const postgres = await startPostgres({ dataDir: path.join(directory, 'pg'), throwaway: true });
  try {
    await migrate(postgres.url);
    const dump = await dumpSchema(postgres.url);
    if (!check) writeFileSync(target, dump);
    if (readFileSync(target, 'utf8') === dump) return 0;
    process.stderr.write(
      `${path.relative(process.cwd(), target)} is not what the migrations make\n`,
    );
    return 1;
  } finally {
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

main(process.argv.includes('--check')).then(
  (code) => (process.exitCode = code),
  (error: unknown) => {
    process.stderr.write(`${error instanceof Error ? error.message : 'failed'}\n`);
    process.exitCode = 1;
  },
);
