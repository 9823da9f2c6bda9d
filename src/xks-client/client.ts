import type { HealthStatus } from '../xks/health';
import type { RequestMetadata } from '../xks/metadata';

/** What is wrong with a proxy, or what it says is wrong with a request (kms-semantics §12.3). */
export type XksFaultKind =
  | 'unreachable'
  | 'timed-out'
  | 'tls'
  | 'uri-path'
  | 'credential'
  | 'unhealthy'
  | 'invalid-response'
  | 'unsupported'
  | 'access-denied'
  | 'ciphertext'
  | 'key-not-found'
  | 'key-disabled'
  | 'key-usage'
  | 'throttled';

export class XksFault extends Error {
  override readonly name = 'XksFault';

  constructor(
    readonly kind: XksFaultKind,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}

export interface ExternalKeyMetadata {
  readonly keySpec: string;
  readonly keyUsage: readonly string[];
  readonly keyStatus: string;
}

export interface ExternallySealed {
  readonly ciphertext: Buffer;
  /** 12 or 16 bytes. */
  readonly iv: Buffer;
  /** 16 bytes. */
  readonly tag: Buffer;
  /** At most 20 bytes; empty where the proxy gave none. */
  readonly metadata: Buffer;
}

/** A client of one XKS proxy (xks-proxy §1). Every failure is an XksFault, within 250 ms, or twice that after a retry. */
export interface XksClient {
  metadata(externalKeyId: string, about: RequestMetadata): Promise<ExternalKeyMetadata>;
  /** Checks the CDIV, which it always asks for. */
  encrypt(
    externalKeyId: string,
    sealing: { readonly plaintext: Buffer; readonly aad: Buffer; readonly about: RequestMetadata },
  ): Promise<ExternallySealed>;
  decrypt(
    externalKeyId: string,
    opening: {
      readonly sealed: ExternallySealed;
      readonly aad: Buffer;
      readonly about: RequestMetadata;
    },
  ): Promise<Buffer>;
  health(kmsOperation: string): Promise<HealthStatus>;
  close(): Promise<void>;
}
