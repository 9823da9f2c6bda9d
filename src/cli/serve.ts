import cluster from 'node:cluster';
import {
  type Config,
  identityRules,
  requireDatabaseUrl,
  unsafeRoots,
  unsafeSettings,
} from '../config';
import { keepMemoryOutOfCoreDumps } from '../core-dumps';
import { createLog, describeError } from '../log';
import { Supervisor } from '../supervisor';
import { tokenOptions } from '../token-options';
import { serveAsWorker } from '../worker';
import type { Command } from './subcommand';

/** `claviger serve`: this process supervises; the same command in a forked process serves. */
export const serve: Command = async (config) => {
  await (cluster.isPrimary ? supervise(config) : serveAsWorker(config));
};

async function supervise(config: Config): Promise<void> {
  const log = createLog(config.logLevel, { process: 'primary' });
  // Said once, and not by every worker.
  requireDatabaseUrl(config);
  if (!keepMemoryOutOfCoreDumps()) log.warn('a core dump of this service would hold its memory');
  tokenOptions(config, log);
  identityRules(config);
  const unsafe = [...unsafeSettings(config), ...unsafeRoots(config, new Date())];
  for (const sentence of unsafe) log.warn(`unsafe setting: ${sentence}`);
  const supervisor = new Supervisor({
    workers: config.workers,
    shutdownGraceMs: config.shutdownGraceMs,
    log,
  });
  const stopped = stopSignal();
  process.on('SIGHUP', () => {
    log.info('replacing every worker');
    supervisor.reload().catch((error: unknown) => {
      log.error('workers could not be replaced', { error: describeError(error) });
    });
  });
  const port = await Promise.race([supervisor.start(), stopped]);
  if (port !== undefined) {
    const scheme = config.tlsCertFile === undefined ? 'http' : 'https';
    const host = config.host.includes(':') ? `[${config.host}]` : config.host;
    process.stdout.write(`claviger is ready at ${scheme}://${host}:${port}\n`);
    log.info('ready', { port, workers: config.workers });
    await stopped;
  }
  log.info('stopping');
  await supervisor.stop();
  log.info('stopped');
  // A connection that node:cluster was handing to a worker which died stays open here, and would keep the process.
  process.exit();
}

/** Resolves at the first SIGINT or SIGTERM; later ones change nothing. */
function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => resolve(undefined));
  });
}
