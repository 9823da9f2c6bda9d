import { HsmError, type HsmErrorCode } from './errors';
import type { Awaitable, Token, TokenOperation } from './types';

type Observer = (operation: TokenOperation, seconds: number, outcome: 'ok' | HsmErrorCode) => void;

/** The token with each call's duration and outcome told to `observe`. */
export function observed(token: Token, observe: Observer): Token {
  const timed = <T>(operation: TokenOperation, work: () => Awaitable<T>): Awaitable<T> => {
    const started = performance.now();
    const told = (error?: unknown): void =>
      observe(operation, (performance.now() - started) / 1000, outcomeOf(error));
    try {
      const result = work();
      if (!(result instanceof Promise)) told();
      else result.then(() => told(), told);
      return result;
    } catch (error) {
      told(error);
      throw error;
    }
  };
  const later = <T>(operation: TokenOperation, work: () => Promise<T>): Promise<T> =>
    Promise.resolve(timed(operation, work));
  return {
    status: () => token.status(),
    counters: () => token.counters(),
    get capabilities() {
      return token.capabilities;
    },
    evict: (id) => token.evict(id),
    evictAll: () => token.evictAll(),
    recover: () => token.recover(),
    close: () => token.close(),
    generateRandom: (length) =>
      timed('generateRandom', () => token.generateRandom(length)) as Buffer,
    encryptAesGcm: (key, aad, plaintext) =>
      timed('encryptAesGcm', () => token.encryptAesGcm(key, aad, plaintext)),
    decryptAesGcm: (key, sealed) => timed('decryptAesGcm', () => token.decryptAesGcm(key, sealed)),
    generateKey: (kind, name, exclusively) =>
      later('generateKey', () => token.generateKey(kind, name, exclusively)),
    prepareKey: (kind, place) => later('prepareKey', () => token.prepareKey(kind, place)),
    generateWrappedKey: (kind, wrappingKeyId, prepared) =>
      later('generateWrappedKey', () => token.generateWrappedKey(kind, wrappingKeyId, prepared)),
    generateDataKeyPair: (spec) =>
      later('generateDataKeyPair', () => token.generateDataKeyPair(spec)),
    sign: (key, request) => timed('sign', () => token.sign(key, request)),
    mac: (key, message) => timed('mac', () => token.mac(key, message)),
    decryptOaep: (key, algorithm, ciphertext) =>
      timed('decryptOaep', () => token.decryptOaep(key, algorithm, ciphertext)),
    agree: (key, peer) => timed('agree', () => token.agree(key, peer)),
    encapsulate: (kind, publicKey) =>
      later('encapsulate', () => token.encapsulate(kind, publicKey)),
    decapsulate: (key, ciphertext) =>
      later('decapsulate', () => token.decapsulate(key, ciphertext)),
    requireKind: (kind) => later('requireKind', () => token.requireKind(kind)),
    destroyKey: (id) => later('destroyKey', () => token.destroyKey(id)),
    generateImportKeyPair: (id, label, wanted) =>
      later('generateImportKeyPair', () => token.generateImportKeyPair(id, label, wanted)),
    destroyKeyPair: (id) => later('destroyKeyPair', () => token.destroyKeyPair(id)),
    identifyImport: (imported) => later('identifyImport', () => token.identifyImport(imported)),
    admitImport: (imported, id, place) =>
      later('admitImport', () => token.admitImport(imported, id, place)),
    listKeys: (labelPrefix) => later('listKeys', () => token.listKeys(labelPrefix)),
    createWrappingKey: (id, label, options) =>
      later('createWrappingKey', () => token.createWrappingKey(id, label, options)),
    hasKey: (id) => later('hasKey', () => token.hasKey(id)),
    rewrap: (material, kind, wrappingKeyId) =>
      later('rewrap', () => token.rewrap(material, kind, wrappingKeyId)),
    generateTransferKeyPair: (id, label, exclusively) =>
      later('generateTransferKeyPair', () => token.generateTransferKeyPair(id, label, exclusively)),
    exportWrappingKey: (id, publicKey) =>
      later('exportWrappingKey', () => token.exportWrappingKey(id, publicKey)),
    importWrappingKey: (key) => later('importWrappingKey', () => token.importWrappingKey(key)),
    listObjects: (labelPrefix) => later('listKeys', () => token.listObjects(labelPrefix)),
    check: () => later('check', () => token.check()),
    inspect: () => later('inspect', () => token.inspect()),
  };
}

function outcomeOf(error: unknown): 'ok' | HsmErrorCode {
  if (error === undefined) return 'ok';
  return error instanceof HsmError ? error.code : 'failed';
}
