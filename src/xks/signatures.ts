import { type SigV4Options, type SignedRequest, SigningKeys, authenticate } from '../auth/sigv4';
import { KmsError } from '../errors';
import { XksError } from './errors';
import type { XksStore } from './store';

/** Who may call a store: whoever signs with a credential of it, for its region. */
export class XksSignatures {
  private readonly signingKeys = new SigningKeys();
  /** A store is immutable: when its credentials change it is another. */
  private readonly options = new WeakMap<XksStore, SigV4Options<string>>();

  constructor(private readonly now: () => number) {}

  /** The access key id that signed. Throws AuthenticationFailedException, one error for every reason (xks-proxy §1.10). */
  verify(store: XksStore, request: SignedRequest): string {
    try {
      requireAmzDate(request.rawHeaders);
      const credential = authenticate(request, this.optionsOf(store));
      if (credential instanceof Promise) throw new Error('a credential was not at hand');
      return credential.principal;
    } catch (cause) {
      if (!(cause instanceof KmsError)) throw cause;
      throw refused(cause);
    }
  }

  private optionsOf(store: XksStore): SigV4Options<string> {
    let options = this.options.get(store);
    if (options === undefined) {
      options = {
        regions: [store.region],
        services: ['kms-xks-proxy'],
        now: this.now,
        signingKeys: this.signingKeys,
        find(accessKeyId) {
          const secret = store.credentials.get(accessKeyId);
          return secret && { accessKeyId, secret, principal: accessKeyId };
        },
      };
      this.options.set(store, options);
    }
    return options;
  }
}

/** SigV4 knows the Date header too, which the XKS proxy API does not (xks-proxy §1.11). */
function requireAmzDate(rawHeaders: readonly string[]): void {
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const name = rawHeaders[i];
    if (name?.length === 10 && name.toLowerCase() === 'x-amz-date') return;
  }
  throw refused(undefined);
}

function refused(cause: unknown): XksError {
  const message = 'The signature of the request is not that of a credential of this key store.';
  return new XksError('AuthenticationFailedException', message, { cause });
}
