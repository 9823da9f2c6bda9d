/** The PKCS#11 client: the only way in. */

import { HsmError } from './errors';
import { HostedToken } from './hosted/token';
import { observed } from './observed';
import { Pkcs11Token } from './token';
import type { Token, TokenOptions } from './types';

export { HsmError, type HsmErrorCode } from './errors';
export { requiredMechanisms } from './mechanisms';
export { aesKind } from './kinds';
export { residentKey } from './resident';
export type * from './types';

/** Module paths in use. C_Finalize ends all tokens of a module at once, so two would break each other's recovery. */
const openModules = new Set<string>();

/**
 * Loads the module, finds the token by label and serial, logs in and proves by known-answer tests that it can serve.
 * Rejects with HsmError: `token-unavailable` (no module, no such token), `pin-incorrect`, `failed` (ambiguous label,
 * module in use in this process). One token a module a process.
 */
export async function openToken(options: TokenOptions): Promise<Token> {
  if (openModules.has(options.module)) {
    throw new HsmError(
      'failed',
      `PKCS#11 module ${options.module} is already open in this process`,
    );
  }
  openModules.add(options.module);
  const token = await Pkcs11Token.open(options, () => openModules.delete(options.module));
  return options.onOperation === undefined ? token : observed(token, options.onOperation);
}

/**
 * As openToken, of a further token: its module is loaded by a process of its own, whose environment is `environment` and
 * nothing else, and which is started again when it ends. Serves resident AES keys only, and refuses the rest with
 * `mechanism-missing`. `readPin` is called here whenever that process logs in, and what it returns is not kept.
 * `onFailed` is never told: where openToken needs another process, this token takes one.
 */
export async function openHostedToken(
  options: TokenOptions,
  environment: Readonly<Record<string, string>>,
): Promise<Token> {
  const token = await HostedToken.open(options, environment);
  return options.onOperation === undefined ? token : observed(token, options.onOperation);
}
