import type { Fields, Log } from '../../src/log';

export interface Recorded {
  readonly level: string;
  readonly message: string;
  readonly fields: Fields;
}

/** A log that keeps its events for a test to look at. */
export function recordingLog(): { readonly log: Log; readonly events: Recorded[] } {
  const events: Recorded[] = [];
  const at: Log['at'] = (level, message, fields = {}) =>
    void events.push({ level, message, fields });
  const log: Log = {
    at,
    error: (message, fields) => at('error', message, fields),
    warn: (message, fields) => at('warn', message, fields),
    info: (message, fields) => at('info', message, fields),
    debug: (message, fields) => at('debug', message, fields),
  };
  return { log, events };
}
