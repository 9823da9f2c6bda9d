import { HsmError } from '../errors';
import { aesKind } from '../kinds';
import type { MaterialKind, PreparedKey, Token } from '../types';

/** What only keys need that a custom key store cannot have: asymmetric ones, imported ones, wrapped ones. */
type Refused = Pick<
  Token,
  | 'sign'
  | 'mac'
  | 'decryptOaep'
  | 'agree'
  | 'encapsulate'
  | 'decapsulate'
  | 'prepareKey'
  | 'generateWrappedKey'
  | 'generateDataKeyPair'
  | 'generateImportKeyPair'
  | 'destroyKeyPair'
  | 'identifyImport'
  | 'admitImport'
  | 'createWrappingKey'
  | 'rewrap'
  | 'generateTransferKeyPair'
  | 'exportWrappingKey'
  | 'importWrappingKey'
>;

function refusal(what: string): HsmError {
  return new HsmError(
    'mechanism-missing',
    `the token of a custom key store serves resident AES keys only: ${what}`,
  );
}

/** Throws `mechanism-missing` for a kind of key that is not served. */
export function requireAes({ spec }: MaterialKind): void {
  if (spec !== aesKind.spec) throw refusal(spec);
}

/** The methods that a token refuses which serves nothing but resident AES keys. */
export abstract class AesOnly implements Refused {
  sign(): never {
    throw refusal('C_Sign');
  }
  mac(): never {
    throw refusal('C_Sign');
  }
  decryptOaep(): never {
    throw refusal('C_Decrypt by RSA');
  }
  agree(): never {
    throw refusal('C_DeriveKey');
  }
  encapsulate(): Promise<never> {
    return Promise.reject(refusal('C_EncapsulateKey'));
  }
  decapsulate(): Promise<never> {
    return Promise.reject(refusal('C_DecapsulateKey'));
  }
  /** Nothing of an AES key takes seconds. */
  async prepareKey(kind: MaterialKind): Promise<PreparedKey | undefined> {
    requireAes(kind);
    return Promise.resolve(undefined);
  }
  generateWrappedKey(): Promise<never> {
    return Promise.reject(refusal('wrapped keys'));
  }
  generateDataKeyPair(): Promise<never> {
    return Promise.reject(refusal('C_GenerateKeyPair'));
  }
  generateImportKeyPair(): Promise<never> {
    return Promise.reject(refusal('C_GenerateKeyPair'));
  }
  destroyKeyPair(): Promise<never> {
    return Promise.reject(refusal('key pairs'));
  }
  identifyImport(): Promise<never> {
    return Promise.reject(refusal('imported keys'));
  }
  admitImport(): Promise<never> {
    return Promise.reject(refusal('imported keys'));
  }
  createWrappingKey(): Promise<never> {
    return Promise.reject(refusal('wrapping keys'));
  }
  rewrap(): Promise<never> {
    return Promise.reject(refusal('wrapped keys'));
  }
  generateTransferKeyPair(): Promise<never> {
    return Promise.reject(refusal('C_GenerateKeyPair'));
  }
  exportWrappingKey(): Promise<never> {
    return Promise.reject(refusal('wrapping keys'));
  }
  importWrappingKey(): Promise<never> {
    return Promise.reject(refusal('wrapping keys'));
  }
}
