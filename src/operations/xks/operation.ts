import type { Awaitable } from '../../awaitable';
import type { KeyLastUsageTrackingOperation } from '../../shapes/kms.generated';
import type { Members, RequiredMetadata } from '../../xks/fields';
import type { KeyInUse } from '../../xks/opening';
import type { XksOperationName } from '../../xks/path';
import type { ExternalKey, XksKeyUsage } from '../../xks/store';

export interface XksKeyCall extends KeyInUse {
  readonly externalKey: ExternalKey;
}

export interface XksOutcome {
  /** The answer's members. */
  readonly output: Readonly<Record<string, unknown>>;
  /** Of the key material that was used, for the record. */
  readonly keyMaterialId?: string;
}

/** A request that is valid as far as that can be said without its key. */
export interface XksWork {
  /** What the external key must be good for. None: it is only asked about, and need not be enabled. */
  readonly usages: readonly XksKeyUsage[];
  run(call: XksKeyCall): Awaitable<XksOutcome>;
}

/** An operation on an external key: what is particular to it; src/dispatch-xks.ts is what they have in common. */
export interface XksOperation {
  readonly name: Exclude<XksOperationName, 'GetHealthStatus'>;
  readonly requiredMetadata: readonly RequiredMetadata[];
  /** When it succeeds, that is the last use of the KMS key behind the external one (kms-semantics §18). */
  readonly usesKey?: KeyLastUsageTrackingOperation;
  /** Reads the members of the request but requestMetadata. Throws XksError. */
  read(body: Members): XksWork;
}
