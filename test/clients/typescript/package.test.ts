import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';

const root = path.resolve(__dirname, '..', '..', '..', '..');
const source = path.join(root, 'clients', 'typescript');

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-package-'));
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

function run(script: string, ...args: readonly string[]): string {
  return execFileSync(process.execPath, [script, ...args], { cwd: directory, encoding: 'utf8' });
}

/** Installs, in the directory, the package as its own tsconfig.json builds it. */
function install(): void {
  const modules = path.join(directory, 'node_modules');
  const target = path.join(modules, '@claviger', 'client');
  mkdirSync(target, { recursive: true });
  const tsc = path.join(root, 'node_modules', 'typescript', 'lib', 'tsc.js');
  // The build of the whole project has checked the types.
  run(tsc, '-p', source, '--noCheck', '--outDir', path.join(target, 'dist'));
  writeFileSync(path.join(target, 'package.json'), readFileSync(path.join(source, 'package.json')));
  symlinkSync(
    path.join(root, 'node_modules', 'openapi-fetch'),
    path.join(modules, 'openapi-fetch'),
  );
}

test('The package is built by itself, and ES modules and CommonJS find the same names in it', () => {
  install();
  const names = ['ClavigerError', 'createClavigerClient', 'fromBase64', 'tlsFetch', 'toBase64'];
  const list =
    'console.log(Object.keys(claviger).filter((name) => !/^(default|module)/.test(name)))';
  const module = path.join(directory, 'user.mjs');
  const imports = `import { ${names.join(', ')} } from '@claviger/client';`;
  writeFileSync(module, `${imports}\nimport * as claviger from '@claviger/client';\n${list}`);
  const script = path.join(directory, 'user.cjs');
  writeFileSync(script, `const claviger = require('@claviger/client');\n${list}`);
  for (const found of [run(module), run(script)]) {
    for (const name of names) expect(found).toContain(`'${name}'`);
  }
});

test('The package depends on the openapi-fetch that it is tested with, and carries the licence', () => {
  const read = (file: string): string => readFileSync(file, 'utf8');
  const ours = JSON.parse(read(path.join(root, 'package.json'))) as Package;
  const theirs = JSON.parse(read(path.join(source, 'package.json'))) as Package;
  expect(theirs.dependencies['openapi-fetch']).toBe(ours.devDependencies['openapi-fetch']);
  expect([theirs.license, theirs.engines]).toEqual([ours.license, ours.engines]);
  expect(read(path.join(source, 'LICENSE'))).toBe(read(path.join(root, 'LICENSE')));
});

interface Package {
  readonly license: string;
  readonly engines: object;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}
