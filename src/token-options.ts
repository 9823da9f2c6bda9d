import { readFileSync } from 'node:fs';
import type { TokenOptions } from '../hsm';
import { type Config, ConfigError } from './config';
import type { Log } from './log';

/** The settings of the token as hsm/ takes them. The PIN is read from its file at each login and not kept. */
export function tokenOptions(config: Config, log: Log): TokenOptions {
  const { tokenPinFile } = config;
  if (tokenPinFile === undefined) throw new ConfigError('CLAVIGER_TOKEN_PIN_FILE is not set');
  return {
    module: config.tokenModule,
    ...(config.tokenLibraryParameters === undefined
      ? {}
      : { libraryParameters: config.tokenLibraryParameters }),
    label: config.tokenLabel,
    ...(config.tokenSerial === undefined ? {} : { serial: config.tokenSerial }),
    readPin: () => readFileSync(tokenPinFile, 'utf8').replace(/\r?\n$/, ''),
    local: config.tokenLocal,
    lanes: config.tokenLanes,
    deadlineMs: config.tokenDeadlineMs,
    ivSource: config.tokenIvSource,
    maxSessions: config.tokenMaxSessions,
    ...(config.tokenDirectory === undefined ? {} : { durableDirectory: config.tokenDirectory }),
    softwareUnwrap: config.importInMemory,
    maxCachedKeys: config.tokenCachedKeys,
    onEvent: (event) => log.at(event.level, event.message, event.fields),
  };
}
