import cluster from 'node:cluster';
import {
  type Config,
  identityRules,
  rateLimits,
  requireDatabaseUrl,
  unsafeRoots,
  unsafeSettings,
  xksCertificate,
  xksHost,
} from '../config';
import { keepMemoryOutOfCoreDumps } from '../core-dumps';
import { createLog, describeError } from '../log';
import type { Ports } from '../ports';
import { Supervisor } from '../supervisor';
import { tokenOptions } from '../token-options';
import type { Command } from './subcommand';

/** `claviger serve`: this process supervises; the same command in a forked process serves. */
export const serve: Command = async (config) => {
  if (cluster.isPrimary) await supervise(config);
  // Of all there is to load it is the most, and the primary needs none of it.
  else await (await import('../worker.js')).serveAsWorker(config);
};

async function supervise(config: Config): Promise<void> {
  const log = createLog(config.logLevel, { process: 'primary' });
  // Said once, and not by every worker.
  requireDatabaseUrl(config);
  if (!keepMemoryOutOfCoreDumps()) log.warn('a core dump of this service would hold its memory');
  tokenOptions(config, log);
  identityRules(config);
  rateLimits(config);
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
  const ports = await Promise.race([supervisor.start(), stopped]);
  if (ports !== undefined) {
    process.stdout.write(readyLines(config, ports));
    log.info('ready', { ...ports, workers: config.workers });
    await stopped;
  }
  log.info('stopping');
  await supervisor.stop();
  log.info('stopped');
  // A connection that node:cluster was handing to a worker which died stays open here, and would keep the process.
  process.exit();
}

/** The last line says that all is ready, and has its main address alone: there are scripts that wait for it. */
function readyLines(config: Config, { port, xksPort, xksPingPort }: Ports): string {
  const main = addressOf(config.tlsCertFile !== undefined, config.host, port);
  const host = xksHost(config);
  const secure = xksCertificate(config) !== undefined;
  const xks =
    xksPort === undefined ? '' : `claviger serves XKS at ${addressOf(secure, host, xksPort)}\n`;
  const ping =
    xksPingPort === undefined
      ? ''
      : `claviger serves the XKS ping at ${addressOf(false, host, xksPingPort)}/ping\n`;
  return `${xks}${ping}claviger is ready at ${main}\n`;
}

function addressOf(secure: boolean, host: string, port: number): string {
  return `${secure ? 'https' : 'http'}://${host.includes(':') ? `[${host}]` : host}:${port}`;
}

/** Resolves at the first SIGINT or SIGTERM; later ones change nothing. */
function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM'] as const)
      process.on(signal, () => resolve(undefined));
  });
}
