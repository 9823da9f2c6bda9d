import { HsmError, type HsmErrorCode } from './errors';
import type { Token, TokenOperation } from './types';

type Observer = (operation: TokenOperation, seconds: number, outcome: 'ok' | HsmErrorCode) => void;

/** Of which nothing is told: they ask this process, not the token, or end it. */
type Untold = 'status' | 'counters' | 'capabilities' | 'evict' | 'evictAll' | 'recover' | 'close';

/** The name that each method's calls are told under. */
const operations = {
  generateRandom: 'generateRandom',
  generateKey: 'generateKey',
  prepareKey: 'prepareKey',
  generateWrappedKey: 'generateWrappedKey',
  generateDataKeyPair: 'generateDataKeyPair',
  encryptAesGcm: 'encryptAesGcm',
  decryptAesGcm: 'decryptAesGcm',
  sign: 'sign',
  mac: 'mac',
  decryptOaep: 'decryptOaep',
  agree: 'agree',
  encapsulate: 'encapsulate',
  decapsulate: 'decapsulate',
  requireKind: 'requireKind',
  destroyKey: 'destroyKey',
  generateImportKeyPair: 'generateImportKeyPair',
  destroyKeyPair: 'destroyKeyPair',
  identifyImport: 'identifyImport',
  admitImport: 'admitImport',
  listKeys: 'listKeys',
  listObjects: 'listKeys',
  createWrappingKey: 'createWrappingKey',
  hasKey: 'hasKey',
  rewrap: 'rewrap',
  generateTransferKeyPair: 'generateTransferKeyPair',
  exportWrappingKey: 'exportWrappingKey',
  importWrappingKey: 'importWrappingKey',
  check: 'check',
  inspect: 'inspect',
} as const satisfies Record<Exclude<keyof Token, Untold>, TokenOperation>;

type Told = keyof typeof operations;

/** No method has more parameters than three. */
type Method = (...args: readonly [unknown?, unknown?, unknown?]) => unknown;

/** The token with each call's duration and outcome told to `observe`. */
export function observed(token: Token, observe: Observer): Token {
  const told = (name: Told): Method => {
    const operation = operations[name];
    const method = token[name].bind(token) as Method;
    const tell = (startedMs: number, error?: unknown): void =>
      observe(operation, (performance.now() - startedMs) / 1000, outcomeOf(error));
    return (first, second, third) => {
      const startedMs = performance.now();
      try {
        const result = method(first, second, third);
        if (result instanceof Promise) tellLater(result, (error) => tell(startedMs, error));
        else tell(startedMs);
        return result;
      } catch (error) {
        tell(startedMs, error);
        throw error;
      }
    };
  };
  const methods = Object.keys(operations).map((name) => [name, told(name as Told)] as const);
  return {
    ...(Object.fromEntries(methods) as unknown as Pick<Token, Told>),
    get capabilities() {
      return token.capabilities;
    },
    status: () => token.status(),
    counters: () => token.counters(),
    evict: (id) => token.evict(id),
    evictAll: () => token.evictAll(),
    recover: () => token.recover(),
    close: () => token.close(),
  };
}

function tellLater(result: Promise<unknown>, tell: (error?: unknown) => void): void {
  result.then(() => tell(), tell);
}

function outcomeOf(error: unknown): 'ok' | HsmErrorCode {
  if (error === undefined) return 'ok';
  return error instanceof HsmError ? error.code : 'failed';
}
