import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { requiredMechanisms } from '../../hsm';
import { loadConfig } from '../../src/config';
import { migrate } from '../../src/db';
import { startPostgres } from '../postgres';
import { banner } from './banner';
import { run, serve, type Environment } from './commands';
import { clientFiles, parseAccessKey, writeClientConfig, writeCredentials } from './credentials';
import { daemonEnvironment, formatEnvironment, savedEnvironment } from './environment';
import { writePrivateFile } from './files';
import { provisionSoftHsm } from './softhsm';

const say = (message: string): void => {
  process.stderr.write(`claviger: ${message}\n`);
};

let stopping = false;
const stopRequested = new Promise<void>((resolve) => {
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
    process.on(signal, () => {
      stopping = true;
      resolve();
    });
  }
});

/** Thrown between two steps of the start when we are to stop. */
class Stopped extends Error {}

function checkpoint(): void {
  if (stopping) throw new Stopped();
}

/** What a step of the start leaves to be stopped at the end, in reverse order. */
type Cleanup = () => Promise<void>;

async function main(): Promise<number> {
  const cleanups: Cleanup[] = [];
  try {
    return await start(cleanups);
  } catch (error) {
    // Ctrl-C also reaches a command that we wait for, which then fails.
    if (stopping) return 0;
    throw error;
  } finally {
    for (const cleanup of cleanups.reverse()) await cleanup();
  }
}

async function start(cleanups: Cleanup[]): Promise<number> {
  const config = loadConfig();
  const dataDir = path.resolve(config.dataDir);
  await requireFreePort(config.port);
  const token = provisionSoftHsm({
    module: config.tokenModule,
    directory: path.join(dataDir, 'token'),
    label: config.tokenLabel,
    mechanisms: requiredMechanisms,
  });
  checkpoint();
  const settings = {
    ...config,
    dataDir,
    token,
    databaseUrl: await openDatabase(dataDir, cleanups),
  };
  writePrivateFile(
    path.join(dataDir, 'claviger.env'),
    formatEnvironment(savedEnvironment(settings)),
  );
  const environment = daemonEnvironment(settings, process.env);
  checkpoint();
  // In this process: another one would cost every start a quarter of a second.
  await migrate(settings.databaseUrl);
  checkpoint();
  const prepared = ensureCredentials(dataDir, environment);
  // With credentials there is almost always nothing to prepare, and the daemon need not wait until that is certain.
  if (!existsSync(clientFiles(dataDir).credentials)) await prepared;
  checkpoint();
  return serveUntilStopped(environment, { dataDir, region: config.region, prepared }, cleanups);
}

/** Blank means unset, as for every setting. A DATABASE_URL of an earlier run, saved in claviger.env, does not count. */
async function openDatabase(dataDir: string, cleanups: Cleanup[]): Promise<string> {
  const given = process.env['DATABASE_URL'];
  if (given !== undefined && given !== '') return given;
  const postgres = await startPostgres({ dataDir: path.join(dataDir, 'postgres'), log: say });
  cleanups.push(() => postgres.stop());
  return postgres.url;
}

/** A secret access key is shown once: when its file is lost, the only way is another key. */
async function ensureCredentials(dataDir: string, environment: Environment): Promise<void> {
  const { credentials } = clientFiles(dataDir);
  const created = await run(['init'], environment);
  if (created.trim() !== '') {
    writeCredentials(credentials, parseAccessKey(created));
  } else if (!existsSync(credentials)) {
    say(
      `${credentials} is missing and its secret cannot be shown again; making another access key`,
    );
    writeCredentials(
      credentials,
      parseAccessKey(await run(['account', 'create-access-key'], environment)),
    );
  }
}

async function serveUntilStopped(
  environment: Environment,
  place: { readonly dataDir: string; readonly region: string; readonly prepared: Promise<void> },
  cleanups: Cleanup[],
): Promise<number> {
  const daemon = serve(environment);
  cleanups.push(() => daemon.stop());
  const ready = Promise.all([daemon.ready, place.prepared]).then(([url]) => url);
  const url = await Promise.race([ready, stopRequested]);
  if (url === undefined) return 0;
  const files = clientFiles(place.dataDir);
  writeClientConfig(files.config, { region: place.region, url });
  process.stdout.write(`claviger is ready at ${url}\n${banner(files, url)}`);
  const code = await Promise.race([daemon.ended, stopRequested]);
  if (code === undefined) {
    say('stopping');
    return 0;
  }
  say(`claviger serve ended (${code})`);
  return code === 0 ? 1 : code;
}

function requireFreePort(port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => {
      const reason =
        error.code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${String(error.code)})`;
      reject(new Error(`port ${port} of 127.0.0.1 ${reason}; set CLAVIGER_PORT to another one`));
    });
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve()));
  });
}

main().then(
  (code) => {
    process.exitCode = code;
  },
  (error: unknown) => {
    say(error instanceof Error ? error.message : 'failed');
    process.exitCode = 1;
  },
);
