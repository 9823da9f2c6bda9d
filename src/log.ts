import { Writable } from 'node:stream';
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
  const lines = new Lines(process.stderr);
  const logger = createLogger({
    level,
    defaultMeta: common,
    format: jsonLine(),
    // winston declares its transports as interfaces, which the rule takes for classes of their own.
    // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
    transports: [new transports.Stream({ stream: lines })],
  });
  const at: Log['at'] = (severity, message, fields = {}) => {
    logger.log({ ...fields, level: severity, message });
    // What goes wrong may go so wrong that this process ends here.
    if (severity === 'error' || severity === 'warn') lines.flush();
  };
  return {
    at,
    error: (message, fields) => at('error', message, fields),
    warn: (message, fields) => at('warn', message, fields),
    info: (message, fields) => at('info', message, fields),
    debug: (message, fields) => at('debug', message, fields),
  };
}

/** Where a winston transport finds the text of an event. */
const text = Symbol.for('message');

/** winston's own JSON format searches events for cycles, and Fields cannot have any. */
const jsonLine = format((info) => {
  info['timestamp'] = new Date().toISOString();
  info[text] = JSON.stringify(info);
  return info;
});

/**
 * Lines of one turn of the event loop become one write, because a write costs more than all the rest of an event. The
 * target writes synchronously, so lines outlive any end of the process but a signal or a fault.
 */
class Lines extends Writable {
  #waiting = '';

  constructor(private readonly target: { write(text: string): unknown }) {
    super({ decodeStrings: false });
    process.once('exit', () => this.flush());
  }

  override _write(line: string, _: string, done: () => void): void {
    if (this.#waiting === '') setImmediate(() => this.flush());
    this.#waiting += line;
    done();
  }

  flush(): void {
    if (this.#waiting !== '') this.target.write(this.#waiting);
    this.#waiting = '';
  }
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
