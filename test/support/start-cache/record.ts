/**
 * `node record.js <file>`: loads every module of ours that does nothing when it is loaded, and keeps in the file what
 * they are, and all that they load, as compiled.
 */
import { readFileSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import type vm from 'node:vm';
import { writeArchive } from './archive';
import { compile, evaluate, loader } from './loader';

const root = path.resolve(__dirname, '..', '..', '..');
/** Compiled and not run. */
const programs = ['hsm/lane-worker.js', 'hsm/hosted/serve.js', 'hsm/hosted/end-with-daemon.js'];
/** A program that begins with `#!` runs when it is loaded. */
const left = ['src/cli/claviger.js'];
/** Compiled code that was kept has lost what `import()` needs. */
const imports = /\bimport\(/;

const load = createRequire(__filename);
const scripts = new Map<string, { readonly source: string; readonly script: vm.Script }>();
const resolved = new Map<string, Map<string, string>>();

const { _resolveFilename: resolve } = loader;
loader._resolveFilename = (request, parent, ...rest) => {
  const found = resolve(request, parent, ...rest);
  if (typeof parent?.filename === 'string' && path.isAbsolute(found))
    note(path.dirname(parent.filename), request, found);
  return found;
};

/** Where a request leads depends on the directory alone. */
function note(directory: string, request: string, found: string): void {
  const requests = resolved.get(directory) ?? new Map<string, string>();
  resolved.set(directory, requests.set(request, found));
}

const loadAsEver = loader._extensions['.js'];
loader._extensions['.js'] = (module, filename) => {
  const script = keep(filename);
  if (script === undefined) loadAsEver?.(module, filename);
  else evaluate(script, module, filename);
};

/** An ECMAScript module, which somebody tries to require, stays what Node.js makes of it. */
function keep(filename: string): vm.Script | undefined {
  const source = readFileSync(filename, 'utf8');
  if (imports.test(source)) return undefined;
  try {
    const script = compile(source, filename);
    scripts.set(filename, { source, script });
    return script;
  } catch {
    return undefined;
  }
}

function filesBelow(room: string): string[] {
  return readdirSync(path.join(root, room), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.js'))
    .map((file) => path.posix.join(room, file))
    .filter((file) => !left.includes(file));
}

for (const file of ['hsm', 'src'].flatMap(filesBelow)) {
  const filename = path.join(root, file);
  if (programs.includes(file)) keep(filename);
  else load(filename);
}
load('commander');

const modules = [...scripts].map(
  ([filename, { source, script }]) =>
    // What ran by now is in it, and not only what a compiler sees first.
    [filename, { source, code: script.createCachedData() }] as const,
);
writeArchive(process.argv[2] ?? '', new Map(modules), resolved);
// Modules that were loaded may keep a process alive.
process.exit();
