/**
 * Loaded first into each process that tests start (NODE_OPTIONS): the program's own modules come compiled out of one file.
 * Finding, reading and compiling 1,200 of them is most of what a start costs.
 */
import path from 'node:path';
import { type Archive, openArchive } from './archive';
import { compile, evaluate, loader } from './loader';

function open(): Archive | undefined {
  try {
    return openArchive(process.env['START_CACHE'] ?? '');
  } catch {
    // A process that outlived the run, or was given another environment: it starts as slowly as it does elsewhere.
    return undefined;
  }
}

/** As from Node.js 21 on. Without it pg makes a Response to find out where it runs, and that loads all of fetch. */
const navigator = { userAgent: `Node.js/${process.versions.node.split('.', 1).join('')}` };
if (!('navigator' in globalThis)) Object.assign(globalThis, { navigator });

const archive = open();

if (archive !== undefined) {
  const { _resolveFilename: resolve } = loader;
  const load = loader._extensions['.js'];
  loader._resolveFilename = (request, parent, ...rest) => {
    const from = parent?.filename;
    const known =
      typeof from === 'string' ? archive.resolved(path.dirname(from), request) : undefined;
    return known ?? resolve(request, parent, ...rest);
  };
  loader._extensions['.js'] = (module, filename) => {
    const kept = archive.module(filename);
    if (kept === undefined) load?.(module, filename);
    else evaluate(compile(kept.source, filename, kept.code), module, filename);
  };
}
