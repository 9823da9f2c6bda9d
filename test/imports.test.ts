import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import * as ts from 'typescript';

/** The import rules of docs/architecture.md, held by reading every source file. */
const root = path.resolve(__dirname, '..', '..');

/** Who may import what; a room ending in `/` is a folder. */
const owners: Readonly<Record<string, readonly string[]>> = {
  pkcs11js: ['hsm/'],
  'graphene-pk11': ['hsm/'],
  koffi: ['hsm/'],
  pg: ['src/db/'],
  express: ['src/doors/', 'src/server/', 'src/server.ts'],
  'node:http': ['clients/', 'src/doors/', 'src/server/', 'src/server.ts', 'src/xks-client/'],
  'node:https': ['clients/', 'src/doors/', 'src/server/', 'src/server.ts', 'src/xks-client/'],
  'node:http2': ['src/doors/', 'src/server/', 'src/server.ts'],
  winston: ['src/log.ts'],
  '@noble/curves': ['src/keys/verifiers.ts'],
  '@noble/post-quantum': ['hsm/', 'src/keys/verifiers.ts'],
  'swagger-ui-dist': ['src/doors/rest/'],
  ajv: ['src/shapes/', 'src/config/', 'src/config.ts'],
};

/** `cli → main → server → doors → rest → dispatch → operations → doctor → jobs → keys, policy → db`: nobody imports a room to its left. */
const order = [
  ['src/cli/'],
  ['src/main.ts'],
  ['src/server/', 'src/server.ts'],
  ['src/doors/'],
  ['src/rest/'],
  ['src/dispatch.ts', 'src/dispatch-batch.ts', 'src/dispatch-xks.ts'],
  ['src/operations/'],
  ['src/doctor/'],
  ['src/jobs/'],
  ['src/keys/', 'src/policy/', 'src/iam/', 'src/xks/', 'src/custom-key-stores/', 'src/xks-client/'],
  ['src/db/'],
];

const forbiddenFolders = ['lib', 'utils', 'helpers', 'common', 'services'];

interface Import {
  /** As written. */
  readonly specifier: string;
  /** Path below the root for a file of ours, the package's or built-in module's name for anything else. */
  readonly target: string;
  /** Erased by the compiler, so that it cannot make a cycle at run time. */
  readonly typeOnly: boolean;
}

interface Source {
  /** Path below the root. */
  readonly file: string;
  readonly imports: readonly Import[];
  readonly readsEnvironment: boolean;
}

const sources = ['clients', 'hsm', 'src'].flatMap(filesBelow).map(readSource);

test('There are sources to hold the rules against', () => {
  expect(sources.map(({ file }) => file)).toEqual(
    expect.arrayContaining(['hsm/types.ts', 'src/config.ts', 'src/dispatch.ts', 'src/errors.ts']),
  );
  expect(sources.flatMap(({ imports }) => imports).length).toBeGreaterThan(sources.length);
});

test.each(Object.entries(owners))('Only its owners import %s', (name, rooms) => {
  const offenders = edges(({ target }) => target === name || target.startsWith(`${name}/`));
  expect(offenders.filter(({ from }) => !isIn(from, rooms)).map(describeEdge)).toEqual([]);
});

test('hsm/ imports node: modules, packages that call PKCS#11 libraries, one that judges them, and itself, nothing else', () => {
  const offenders = edges(
    ({ target }) =>
      !target.startsWith('node:') &&
      !target.startsWith('hsm/') &&
      !['pkcs11js', 'graphene-pk11', 'koffi'].includes(target) &&
      !target.startsWith('@noble/post-quantum/'),
  );
  expect(offenders.filter(({ from }) => from.startsWith('hsm/')).map(describeEdge)).toEqual([]);
});

test('clients/ imports node: modules, what its package names, and itself, and nothing else imports it', () => {
  const isClient = (file: string): boolean => file.startsWith('clients/');
  const offenders = edges(() => true).filter(({ from, to: { target } }) =>
    isClient(from)
      ? !isClient(target) && !target.startsWith('node:') && target !== 'openapi-fetch'
      : isClient(target),
  );
  expect(offenders.map(describeEdge)).toEqual([]);
});

test('src/ enters hsm/ by its index only', () => {
  const offenders = edges(({ target }) => target.startsWith('hsm/') && target !== 'hsm/index.ts');
  expect(offenders.filter(({ from }) => from.startsWith('src/')).map(describeEdge)).toEqual([]);
});

test('Nothing that is shipped imports scripts/ or test/', () => {
  expect(edges(({ target }) => /^(scripts|test)\//.test(target)).map(describeEdge)).toEqual([]);
});

test('Nothing imports a room to its left', () => {
  const offenders = edges(() => true).filter(({ from, to }) => {
    const [source, target] = [rankOf(from), rankOf(to.target)];
    return source !== -1 && target !== -1 && target < source;
  });
  expect(offenders.map(describeEdge)).toEqual([]);
});

test('No files import each other in a circle', () => {
  expect(findCycle()).toBeUndefined();
});

test('Only src/config.ts reads the environment', () => {
  const readers = sources
    .filter(({ readsEnvironment }) => readsEnvironment)
    .map(({ file }) => file);
  expect(readers).toEqual(['src/config.ts']);
});

test('No folder has a name that says nothing', () => {
  const folders = sources.flatMap(({ file }) => path.dirname(file).split('/'));
  expect(folders.filter((folder) => forbiddenFolders.includes(folder))).toEqual([]);
});

function filesBelow(folder: string): string[] {
  return readdirSync(path.join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((file) => file.endsWith('.ts') && !/(?:^|\/)(?:dist|node_modules)\//.test(file))
    .map((file) => path.posix.join(folder, file))
    .sort();
}

function readSource(file: string): Source {
  const text = readFileSync(path.join(root, file), 'utf8');
  const tree = ts.createSourceFile(file, text, ts.ScriptTarget.ES2023, true);
  const imports: Import[] = [];
  let readsEnvironment = false;
  const visit = (node: ts.Node): void => {
    const found = importOf(node);
    if (found !== undefined) imports.push({ ...found, target: resolve(file, found.specifier) });
    readsEnvironment ||= isEnvironment(node);
    ts.forEachChild(node, visit);
  };
  visit(tree);
  return { file, imports, readsEnvironment };
}

function importOf(node: ts.Node): Pick<Import, 'specifier' | 'typeOnly'> | undefined {
  if (ts.isImportDeclaration(node) && ts.isStringLiteral(node.moduleSpecifier)) {
    return { specifier: node.moduleSpecifier.text, typeOnly: isTypeOnly(node.importClause) };
  }
  if (
    ts.isExportDeclaration(node) &&
    node.moduleSpecifier &&
    ts.isStringLiteral(node.moduleSpecifier)
  ) {
    return { specifier: node.moduleSpecifier.text, typeOnly: node.isTypeOnly };
  }
  if (ts.isImportTypeNode(node) && ts.isLiteralTypeNode(node.argument)) {
    const { literal } = node.argument;
    return ts.isStringLiteral(literal) ? { specifier: literal.text, typeOnly: true } : undefined;
  }
  if (ts.isExternalModuleReference(node) && ts.isStringLiteral(node.expression)) {
    return { specifier: node.expression.text, typeOnly: false };
  }
  return callOf(node);
}

/** `import('…')`, `require('…')` and `require.resolve('…')`. */
function callOf(node: ts.Node): Pick<Import, 'specifier' | 'typeOnly'> | undefined {
  if (!ts.isCallExpression(node)) return undefined;
  const callee = node.expression.getText();
  const [argument] = node.arguments;
  if (!['import', 'require', 'require.resolve'].includes(callee)) return undefined;
  return argument !== undefined && ts.isStringLiteral(argument)
    ? { specifier: argument.text, typeOnly: false }
    : undefined;
}

/** `import type …`, or every name of it marked `type`. */
function isTypeOnly(clause: ts.ImportClause | undefined): boolean {
  if (clause === undefined) return false;
  if (clause.phaseModifier === ts.SyntaxKind.TypeKeyword) return true;
  const { name, namedBindings } = clause;
  return (
    name === undefined &&
    namedBindings !== undefined &&
    ts.isNamedImports(namedBindings) &&
    namedBindings.elements.length > 0 &&
    namedBindings.elements.every((element) => element.isTypeOnly)
  );
}

/** `process.env`, `process['env']`, `const { env } = process` and `env` of node:process. */
function isEnvironment(node: ts.Node): boolean {
  if (ts.isPropertyAccessExpression(node))
    return /\bprocess$/.test(node.expression.getText()) && node.name.text === 'env';
  if (ts.isElementAccessExpression(node)) {
    return (
      /\bprocess$/.test(node.expression.getText()) &&
      ts.isStringLiteral(node.argumentExpression) &&
      node.argumentExpression.text === 'env'
    );
  }
  if (ts.isVariableDeclaration(node)) {
    return ts.isObjectBindingPattern(node.name) && node.initializer?.getText() === 'process';
  }
  if (!ts.isImportSpecifier(node)) return false;
  const { moduleSpecifier } = node.parent.parent.parent;
  return (
    /^['"](node:)?process['"]$/.test(moduleSpecifier.getText()) &&
    (node.propertyName ?? node.name).text === 'env'
  );
}

function resolve(file: string, specifier: string): string {
  if (!specifier.startsWith('.')) return specifier;
  const stem = path.posix
    .join(path.posix.dirname(file), specifier)
    .replace(/\.js$/, '')
    .replace(/\/$/, '');
  const known = (candidate: string): boolean => ts.sys.fileExists(path.join(root, candidate));
  // A file that is not there is the compiler's to report.
  return [`${stem}.ts`, `${stem}/index.ts`].find(known) ?? stem;
}

interface Edge {
  readonly from: string;
  readonly to: Import;
}

function edges(wanted: (to: Import) => boolean): Edge[] {
  return sources.flatMap(({ file, imports }) =>
    imports.filter(wanted).map((to) => ({ from: file, to })),
  );
}

function describeEdge({ from, to }: Edge): string {
  return `${from} imports ${to.specifier}`;
}

function isIn(file: string, rooms: readonly string[]): boolean {
  return rooms.some((room) => (room.endsWith('/') ? file.startsWith(room) : file === room));
}

function rankOf(file: string): number {
  return order.findIndex((rooms) => isIn(file, rooms));
}

/** The first circle found, as its files in order; undefined when there is none. */
function findCycle(): string[] | undefined {
  const next = new Map(
    sources.map(({ file, imports }) => [
      file,
      imports.filter((to) => !to.typeOnly).map((to) => to.target),
    ]),
  );
  const finished = new Set<string>();
  const walk = (file: string, trail: readonly string[]): string[] | undefined => {
    const at = trail.indexOf(file);
    if (at !== -1) return [...trail.slice(at), file];
    if (finished.has(file)) return undefined;
    for (const target of next.get(file) ?? []) {
      const cycle = walk(target, [...trail, file]);
      if (cycle !== undefined) return cycle;
    }
    finished.add(file);
    return undefined;
  };
  for (const file of next.keys()) {
    const cycle = walk(file, []);
    if (cycle !== undefined) return cycle;
  }
  return undefined;
}
