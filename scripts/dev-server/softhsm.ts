import { randomBytes } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { PKCS11, type Handle, type TokenInfo } from 'pkcs11js';
import * as pkcs11 from 'pkcs11js';
import { makePrivateDirectory, syncDirectory, writePrivateFile } from './files';

/** A SoftHSM2 token on disk, as the daemon must be told of it. */
export interface SoftHsmToken {
  /** Path of the PKCS#11 library. */
  readonly module: string;
  readonly label: string;
  /** CK_TOKEN_INFO.serialNumber. */
  readonly serial: string;
  /** File of the user PIN, mode 600. */
  readonly pinFile: string;
  /** Where SoftHSM keeps the token's files. */
  readonly directory: string;
  /** Value of SOFTHSM2_CONF. */
  readonly conf: string;
}

export interface SoftHsmOptions {
  /** Path of libsofthsm2.so. */
  readonly module: string;
  /** Directory of the configuration, the PINs and the token; made if missing. Its path has no `#` and no line break. */
  readonly directory: string;
  readonly label: string;
  /** Mechanisms SoftHSM shall offer; it copies the whole list on every operation. Empty: all it has. */
  readonly mechanisms: readonly string[];
}

/** A token that cannot be made or is not what was left behind. The message never holds a PIN. */
class SoftHsmError extends Error {
  override readonly name = 'SoftHsmError';
}

/**
 * Returns the token of the directory, and makes it, with random PINs, when there is none.
 *
 * The serial number is written last, and the next run takes over what one that died before it has left. Once it is
 * written the token holds keys: one that is missing then is an error, never a new token. No token is ever wiped.
 */
export function provisionSoftHsm(options: SoftHsmOptions): SoftHsmToken {
  const directory = path.resolve(options.directory);
  if (/[#\n\r]/.test(directory)) {
    throw new SoftHsmError(
      `SoftHSM cannot be told of a path with a # in it: ${JSON.stringify(directory)}`,
    );
  }
  const tokens = path.join(directory, 'tokens');
  const conf = path.join(directory, 'softhsm2.conf');
  const serialFile = path.join(directory, 'serial');
  const known = existsSync(serialFile) ? readFileSync(serialFile, 'utf8').trim() : undefined;
  if (known !== undefined && !existsSync(tokens)) {
    throw new SoftHsmError(
      `the token ${known} is gone: ${tokens} is missing, and with it every key it held`,
    );
  }
  makePrivateDirectory(tokens);
  writePrivateFile(conf, configuration(tokens, options.mechanisms));
  const token = {
    module: options.module,
    label: options.label,
    directory: tokens,
    conf,
    pinFile: path.join(directory, 'pin'),
  };
  if (known !== undefined) return { ...token, serial: known };

  const pins = { user: pinOf(token.pinFile), so: pinOf(path.join(directory, 'so-pin')) };
  const serial = withModule(options.module, conf, (module) =>
    initialise(module, options.label, pins),
  );
  syncDirectory(tokens);
  writePrivateFile(serialFile, `${serial}\n`);
  return { ...token, serial };
}

function configuration(tokens: string, mechanisms: readonly string[]): string {
  const lines = [
    `directories.tokendir = ${tokens}`,
    'objectstore.backend = file',
    'log.level = ERROR',
    'slots.removable = false',
    `slots.mechanisms = ${mechanisms.length === 0 ? 'ALL' : mechanisms.join(',')}`,
  ];
  return `${lines.join('\n')}\n`;
}

function pinOf(file: string): string {
  if (!existsSync(file)) writePrivateFile(file, randomBytes(16).toString('hex'));
  return readFileSync(file, 'utf8').trim();
}

interface Pins {
  readonly user: string;
  readonly so: string;
}

/** Returns the serial number of the token that an interrupted run left ready, or of a free slot made a token. */
function initialise(module: PKCS11, label: string, pins: Pins): string {
  const slots = module
    .C_GetSlotList(true)
    .map((slot) => ({ slot, info: module.C_GetTokenInfo(slot) }));
  const left = slots.find(
    ({ slot, info }) =>
      isInitialised(info) && info.label.trim() === label && opens(module, slot, pins.user),
  );
  if (left !== undefined) return left.info.serialNumber.trim();
  const free = slots.find(({ info }) => !isInitialised(info));
  if (free === undefined) throw new SoftHsmError('SoftHSM offers no free slot');
  // CK_TOKEN_INFO.label is 32 bytes padded with blanks; pkcs11js would leave zeros.
  module.C_InitToken(free.slot, pins.so, label.padEnd(32));
  loggedIn(module, free.slot, { user: pkcs11.CKU_SO, pin: pins.so }, (session) => {
    module.C_InitPIN(session, pins.user);
  });
  if (!opens(module, free.slot, pins.user)) throw new SoftHsmError('the new token refuses its PIN');
  return module.C_GetTokenInfo(free.slot).serialNumber.trim();
}

/** Whether the user PIN opens the token. A token whose initialisation was cut short has none, or another. */
function opens(module: PKCS11, slot: Handle, pin: string): boolean {
  try {
    loggedIn(module, slot, { user: pkcs11.CKU_USER, pin }, () => undefined);
    return true;
  } catch (error) {
    const refusals = ['CKR_PIN_INCORRECT', 'CKR_USER_PIN_NOT_INITIALIZED'];
    if (error instanceof Error && refusals.some((code) => error.message.includes(code)))
      return false;
    throw error;
  }
}

interface Login {
  /** CKU_SO or CKU_USER. */
  readonly user: number;
  readonly pin: string;
}

function loggedIn(
  module: PKCS11,
  slot: Handle,
  login: Login,
  use: (session: Handle) => void,
): void {
  const session = module.C_OpenSession(slot, pkcs11.CKF_SERIAL_SESSION | pkcs11.CKF_RW_SESSION);
  try {
    module.C_Login(session, login.user, login.pin);
    use(session);
    module.C_Logout(session);
  } finally {
    module.C_CloseSession(session);
  }
}

function isInitialised(info: TokenInfo): boolean {
  return (info.flags & pkcs11.CKF_TOKEN_INITIALIZED) !== 0;
}

function withModule(library: string, conf: string, use: (module: PKCS11) => string): string {
  // The library finds its configuration by getenv, and only there.
  process.env['SOFTHSM2_CONF'] = conf;
  const module = new PKCS11();
  module.load(library);
  try {
    module.C_Initialize({ flags: pkcs11.CKF_OS_LOCKING_OK });
    try {
      return use(module);
    } finally {
      module.C_Finalize();
    }
  } finally {
    module.close();
  }
}
