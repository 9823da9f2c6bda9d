import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { promisify } from 'node:util';
import type { TokenOptions } from '../../hsm';

/** A token that has ML-DSA and ML-KEM. */
export interface PostQuantumToken {
  /** To open it in this process, with what a test wants different. */
  options(different?: Partial<TokenOptions>): TokenOptions;
  /** Settings of a daemon that serves from it. */
  readonly environment: NodeJS.ProcessEnv;
  /** It is the one of scripts/test-token, whose gaps are its own. */
  readonly given: boolean;
  remove(): Promise<void>;
}

/** The token of scripts/test-token where one is given; else a new one, of the NSS that scripts/nss has fetched. */
export function makePostQuantumToken(): Promise<PostQuantumToken> {
  const given = process.env['CLAVIGER_TEST_TOKEN'];
  return given === undefined ? makeNssToken() : Promise.resolve(givenToken(given));
}

/** What it reads of the environment, this process has. */
function givenToken(given: string): PostQuantumToken {
  const token = JSON.parse(given) as Readonly<Record<string, string | undefined>>;
  const names = Object.keys(process.env).filter((name) => !/^(CLAVIGER_|DATABASE_URL)/.test(name));
  return tokenOf({
    ...Object.fromEntries(names.map((name) => [name, process.env[name]])),
    CLAVIGER_PKCS11_MODULE: token['module'],
    CLAVIGER_PKCS11_LIBRARY_PARAMETERS: token['libraryParameters'],
    CLAVIGER_TOKEN_LABEL: token['label'],
    CLAVIGER_TOKEN_PIN_FILE: token['pinFile'],
    CLAVIGER_TOKEN_SERIAL: token['serial'],
  });
}

function tokenOf(
  environment: NodeJS.ProcessEnv,
  remove: () => Promise<void> = () => Promise.resolve(),
): PostQuantumToken {
  const setting = (name: string): string => environment[`CLAVIGER_${name}`] ?? '';
  const libraryParameters = environment['CLAVIGER_PKCS11_LIBRARY_PARAMETERS'];
  return {
    options: (different = {}) => ({
      module: setting('PKCS11_MODULE'),
      label: setting('TOKEN_LABEL'),
      readPin: () => readFileSync(setting('TOKEN_PIN_FILE'), 'utf8').trim(),
      local: true,
      lanes: 2,
      deadlineMs: 15_000,
      ivSource: 'random',
      maxCachedKeys: 100,
      ...(libraryParameters === undefined ? {} : { libraryParameters }),
      ...different,
    }),
    // Whichever token of this label there is.
    environment: { ...environment, CLAVIGER_TOKEN_SERIAL: environment['CLAVIGER_TOKEN_SERIAL'] },
    given: process.env['CLAVIGER_TEST_TOKEN'] !== undefined,
    remove,
  };
}

const libraries = path.join(__dirname, '..', '..', '..', '.cache', 'nss', 'lib');
const softokn = path.join(libraries, 'libsoftokn3.so');

/** What softokn needs of its own release, and the system has of another, each after what it needs itself. */
const needed = ['libnspr4.so', 'libplc4.so', 'libplds4.so', 'libnssutil3.so'];

/** koffi unloads a library when nobody holds it any more, and softokn would then find that of the system. */
const held: unknown[] = [];

/** A new database of NSS. */
async function makeNssToken(): Promise<PostQuantumToken> {
  const koffi = createRequire(__filename)('koffi') as { load(file: string): unknown };
  // LD_LIBRARY_PATH is read when a process starts, which this one has. What is loaded is not looked for.
  for (const file of needed.map((name) => path.join(libraries, name))) {
    if (existsSync(file)) held.push(koffi.load(file));
  }
  const home = await mkdtemp(path.join(tmpdir(), 'claviger-nss-'));
  const database = path.join(home, 'db');
  const pinFile = path.join(home, 'pin');
  const pin = randomBytes(8).toString('hex');
  await mkdir(database, { mode: 0o700 });
  await writeFile(pinFile, pin, { mode: 0o600 });
  const parameters = `configdir='sql:${database}' certPrefix='' keyPrefix='' secmod='secmod.db' flags=optimizeSpace`;
  await promisify(execFile)(
    process.execPath,
    ['-e', initialisation, softokn, `${parameters} `, pin],
    {
      env: { LD_LIBRARY_PATH: libraries },
      cwd: path.join(__dirname, '..', '..', '..'),
      timeout: 60_000,
    },
  );
  return tokenOf(
    {
      LD_LIBRARY_PATH: libraries,
      CLAVIGER_PKCS11_MODULE: softokn,
      CLAVIGER_PKCS11_LIBRARY_PARAMETERS: parameters,
      CLAVIGER_TOKEN_LABEL: 'NSS Certificate DB',
      CLAVIGER_TOKEN_PIN_FILE: pinFile,
    },
    () => rm(home, { recursive: true, force: true }),
  );
}

/** C_Initialize makes the files; the security officer's PIN is empty. */
const initialisation = `
  const pkcs11 = require('pkcs11js');
  const [, library, libraryParameters, pin] = process.argv;
  const module = new pkcs11.PKCS11();
  module.load(library);
  module.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK, libraryParameters });
  const slot = module.C_GetSlotList(true).find(
    (one) => module.C_GetTokenInfo(one).label.trim() === 'NSS Certificate DB',
  );
  const flags = pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION;
  const session = module.C_OpenSession(slot, flags);
  module.C_Login(session, pkcs11.CKU_SO, '');
  module.C_InitPIN(session, pin);
  module.C_Finalize();
`;
