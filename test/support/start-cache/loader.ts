import Module from 'node:module';
import path from 'node:path';
import vm from 'node:vm';

/** What Node.js has of its CommonJS loader and does not document; the same from 20 to 24. */
export interface Loader {
  _resolveFilename(request: string, parent?: Loaded, ...rest: unknown[]): string;
  _extensions: Record<string, (module: Loaded, filename: string) => void>;
  _cache: object;
  wrap(source: string): string;
}

/** A module that is being loaded. */
export interface Loaded {
  readonly filename?: string | null;
  readonly exports: unknown;
  require(request: string): unknown;
}

export const loader = Module as unknown as Loader;

/** As the loader compiles it: lines and columns of stack traces are those of the file. */
export function compile(source: string, filename: string, cachedData?: Buffer): vm.Script {
  const wrapped = loader.wrap(source);
  return new vm.Script(wrapped, {
    filename,
    columnOffset: -wrapped.indexOf(source),
    ...(cachedData === undefined ? {} : { cachedData }),
  });
}

/** Runs a module that was compiled, and fills its exports. */
export function evaluate(script: vm.Script, module: Loaded, filename: string): void {
  const require = Object.assign((request: string): unknown => module.require(request), {
    resolve: (request: string) => loader._resolveFilename(request, module),
    extensions: loader._extensions,
    cache: loader._cache,
  });
  const run = script.runInThisContext() as (...given: unknown[]) => unknown;
  Reflect.apply(run, module.exports, [
    ...[module.exports, require, module, filename, path.dirname(filename)],
  ]);
}
