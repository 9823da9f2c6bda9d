import { existsSync } from 'node:fs';
import { createServer } from 'node:net';
import path from 'node:path';
import { requiredMechanisms } from '../../hsm';
import { type Config, loadConfig } from '../../src/config';
import { migrate } from '../../src/db';
import { startPostgres } from '../postgres';
import { ensureApiToken, tokenFiles } from './api-token';
import { banner } from './banner';
import { provisionCertificates } from './certificates';
import { run, serve, type Environment } from './commands';
import { clientFiles, parseAccessKey, writeClientConfig, writeCredentials } from './credentials';
import {
  type XksSettings,
  daemonEnvironment,
  formatEnvironment,
  savedEnvironment,
} from './environment';
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
  await requireFreePort(config.port, 'CLAVIGER_PORT');
  const xks = await xksOf(config, dataDir);
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
    xks,
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
  const place = { dataDir, region: config.region, caFile: xks.caFile, prepared };
  return serveUntilStopped(environment, place, cleanups);
}

/** The XKS proxy's port and certificate: those of the settings, or the next port and a certificate that is made once. */
async function xksOf(config: Config, dataDir: string): Promise<XksSettings & { caFile?: string }> {
  const { port, xksPort, xksTlsCertFile: certFile, xksTlsKeyFile: keyFile } = config;
  if (xksPort !== undefined) await requireFreePort(xksPort, 'CLAVIGER_XKS_PORT');
  const chosen = xksPort ?? (await freeOrAny(port === 0 ? 0 : port + 1));
  if (certFile !== undefined && keyFile !== undefined) return { port: chosen, certFile, keyFile };
  return { port: chosen, ...provisionCertificates(path.join(dataDir, 'xks-tls')) };
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

interface Place {
  readonly dataDir: string;
  readonly region: string;
  /** Of the development certificate, where that is used. */
  readonly caFile: string | undefined;
  readonly prepared: Promise<void>;
}

async function serveUntilStopped(
  environment: Environment,
  place: Place,
  cleanups: Cleanup[],
): Promise<number> {
  const daemon = serve(environment);
  cleanups.push(() => daemon.stop());
  const ready = Promise.all([daemon.ready, place.prepared]).then(([at]) => at);
  const at = await Promise.race([ready, stopRequested]);
  if (at === undefined) return 0;
  const { url, xksUrl } = at;
  const files = clientFiles(place.dataDir);
  writeClientConfig(files.config, { region: place.region, url });
  if (xksUrl !== undefined)
    writePrivateFile(path.join(place.dataDir, 'xks-endpoint'), `${xksUrl}\n`);
  const tokenHeader = await apiTokenHeader(place, url);
  const lines = banner(files, { ...at, tokenHeader, caFile: place.caFile });
  process.stdout.write(`claviger is ready at ${url}\n${lines}`);
  const code = await Promise.race([daemon.ended, stopRequested]);
  if (code === undefined) {
    say('stopping');
    return 0;
  }
  say(`claviger serve ended (${code})`);
  return code === 0 ? 1 : code;
}

/** The file that the banner names; without one everything else works. */
async function apiTokenHeader(
  { dataDir, region }: Place,
  url: string,
): Promise<string | undefined> {
  const files = tokenFiles(dataDir);
  try {
    await ensureApiToken(files, { url, region }, clientFiles(dataDir).credentials);
    return files.header;
  } catch (error) {
    say(`the REST API has no token yet: ${error instanceof Error ? error.message : 'failed'}`);
    return undefined;
  }
}

async function requireFreePort(port: number, variable: string): Promise<void> {
  const code = await whyNot(port);
  if (code === undefined) return;
  const reason = code === 'EADDRINUSE' ? 'is in use' : `cannot be used (${code})`;
  throw new Error(`port ${port} of 127.0.0.1 ${reason}; set ${variable} to another one`);
}

/** A port that nobody asked for must keep nobody from starting. */
async function freeOrAny(port: number): Promise<number> {
  if (port <= maxPort && (await whyNot(port)) === undefined) return port;
  say(`port ${port} is not free: the XKS proxy takes any that is; CLAVIGER_XKS_PORT names one`);
  return 0;
}

const maxPort = 65_535;

/** The code of the error that listening on the port gives. */
function whyNot(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once('error', (error: NodeJS.ErrnoException) => resolve(String(error.code)));
    probe.listen(port, '127.0.0.1', () => probe.close(() => resolve(undefined)));
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
