import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';

const names = ['NODE_OPTIONS', 'START_CACHE'] as const;

/** Makes every process that this one starts from now on load our modules as they were compiled once. */
export async function makeStartCache(): Promise<{ remove(): Promise<void> }> {
  const directory = await mkdtemp(path.join(tmpdir(), 'claviger-start-cache-'));
  const file = path.join(directory, 'modules');
  await promisify(execFile)(process.execPath, [path.join(__dirname, 'record.js'), file]);
  const preload = JSON.stringify(path.join(__dirname, 'preload.js'));
  process.env['NODE_OPTIONS'] = `${process.env['NODE_OPTIONS'] ?? ''} --require ${preload}`.trim();
  process.env['START_CACHE'] = file;
  return { remove: () => rm(directory, { recursive: true, force: true }) };
}

/** What a process with an environment of its own needs to do so. */
export function startCache(): NodeJS.ProcessEnv {
  return Object.fromEntries(names.map((name) => [name, process.env[name]]));
}
