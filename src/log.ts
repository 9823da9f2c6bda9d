import { createLogger, format, transports } from 'winston';

export type Fields = Readonly<Record<string, string | number | boolean | undefined>>;

/** JSON lines on standard error. `message` is a fixed sentence; what varies goes in fields. */
export interface Log {
  error(message: string, fields?: Fields): void;
  warn(message: string, fields?: Fields): void;
  info(message: string, fields?: Fields): void;
  debug(message: string, fields?: Fields): void;
  at(level: 'error' | 'warn' | 'info' | 'debug', message: string, fields?: Fields): void;
}

/** Writes to the file descriptor of standard error; standard output carries the ready line only. */
export function createLog(level: string, common: Fields = {}): Log {
  const logger = createLogger({
    level,
    defaultMeta: common,
    format: format.combine(format.timestamp(), format.json()),
    transports: [new transports.Stream({ stream: process.stderr })],
  });
  const at: Log['at'] = (severity, message, fields = {}) => {
    logger.log({ ...fields, level: severity, message });
  };
  return {
    at,
    error: (message, fields) => at('error', message, fields),
    warn: (message, fields) => at('warn', message, fields),
    info: (message, fields) => at('info', message, fields),
    debug: (message, fields) => at('debug', message, fields),
  };
}

/** Causes deeper than this are of no use to anybody, and an error may be its own. */
const maxCauses = 5;

/** What an error says to an operator: its name and message, and those of its causes. */
export function describeError(error: unknown, depth = 0): string {
  if (!(error instanceof Error)) return 'a value that is no Error was thrown';
  const own = `${error.name}: ${error.message}`;
  if (error.cause === undefined || depth === maxCauses) return own;
  return `${own} (${describeError(error.cause, depth + 1)})`;
}
