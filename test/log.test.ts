import { execFileSync, spawnSync } from 'node:child_process';
import path from 'node:path';
import { type Fields, createLog, describeError } from '../src/log';

const modulePath = JSON.stringify(path.join(__dirname, '..', 'src', 'log.js'));
const secretPath = JSON.stringify(path.join(__dirname, '..', 'src', 'auth', 'secret.js'));

/** What a process that runs this code with a log at `level` writes to its two outputs. */
function written(level: string, code: string): { out: string; lines: Record<string, unknown>[] } {
  const script = `
    const { createLog } = require(${modulePath});
    const { Secret } = require(${secretPath});
    const log = createLog(${JSON.stringify(level)}, { worker: 7 });
    ${code}`;
  const { stdout, stderr } = spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' });
  const lines = stderr.split('\n').filter((line) => line !== '');
  return { out: stdout, lines: lines.map((line) => JSON.parse(line) as Record<string, unknown>) };
}

test('each event is one line of JSON on standard error, and standard output stays empty', () => {
  const { out, lines } = written('info', String.raw`log.warn('two\nlines', { a: 'x\ny', n: 1 });`);
  expect(out).toBe('');
  expect(lines).toEqual([
    {
      level: 'warn',
      message: 'two\nlines',
      a: 'x\ny',
      n: 1,
      worker: 7,
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:.]+Z$/) as string,
    },
  ]);
});

test('events below the level are not written', () => {
  const { lines } = written(
    'warn',
    `log.debug('d'); log.info('i'); log.warn('w'); log.error('e'); log.at('info', 'x');`,
  );
  expect(lines.map((line) => line['message'])).toEqual(['w', 'e']);
});

test('no field can pass for the level, the message or a format', () => {
  const { lines } = written(
    'info',
    `log.info('said %s', { level: 'error', message: 'forged', a: undefined });`,
  );
  expect(lines).toMatchObject([{ level: 'info', message: 'said %s' }]);
  expect(lines[0]).not.toHaveProperty('a');
});

test('events of a turn are one write, in order, and none is lost when the process exits', () => {
  const { out, lines } = written(
    'info',
    `
    const write = process.stderr.write.bind(process.stderr);
    process.stderr.write = (text) => {
      process.stdout.write('write ');
      return write(text);
    };
    log.info('first');
    log.info('second');
    setImmediate(() => {
      log.info('third');
      process.exit(0);
    });`,
  );
  expect(lines.map((line) => line['message'])).toEqual(['first', 'second', 'third']);
  expect(out).toBe('write write ');
});

test('an error is written before the next thing happens, with what came before it', () => {
  const { lines } = written(
    'info',
    `log.info('before'); log.error('the end'); process.kill(process.pid, 'SIGKILL');`,
  );
  expect(lines.map((line) => line['message'])).toEqual(['before', 'the end']);
});

test('a secret that gets into a field in spite of its type is redacted', () => {
  const { lines } = written('info', `log.info('m', { key: new Secret('wJalrXUtnFEMI') });`);
  expect(lines).toMatchObject([{ key: '(redacted)' }]);
});

test('fields take nothing but plain values', () => {
  // @ts-expect-error a Buffer is no field
  const fields: Fields = { bytes: Buffer.from('secret') };
  expect(fields).toBeDefined();
  expect(createLog('error')).toHaveProperty('at');
});

describe('describeError', () => {
  test('names an error, its message and its causes, and no stack', () => {
    const cause = new RangeError('inner', { cause: new TypeError('innermost') });
    expect(describeError(new Error('outer', { cause }))).toBe(
      'Error: outer (RangeError: inner (TypeError: innermost))',
    );
  });

  test('does not print a value that is no error', () => {
    for (const thrown of ['secret', { secret: 1 }, undefined, null, 7]) {
      expect(describeError(thrown)).toBe('a value that is no Error was thrown');
    }
  });

  test('does not print a cause that is no error', () => {
    const error = new Error('outer', { cause: 'secret' });
    expect(describeError(error)).toBe('Error: outer (a value that is no Error was thrown)');
  });

  test('keeps the members of an error to itself', () => {
    const error = Object.assign(new Error('outer'), { query: 'select secret' });
    expect(describeError(error)).toBe('Error: outer');
  });

  test('ends when an error is its own cause', () => {
    const error = new Error('round');
    error.cause = error;
    expect(describeError(error).length).toBeLessThan(1000);
  });
});

test('a log is made without an effect on the process', () => {
  const script = `require(${modulePath}).createLog('info')`;
  expect(execFileSync(process.execPath, ['-e', script], { encoding: 'utf8' })).toBe('');
});
