import type { Sealed } from '../auth/sealing';
import type {
  ConnectionErrorCodeType,
  ConnectionStateType,
  XksProxyConnectivityType,
} from '../shapes/kms.generated';

/** A row of custom_key_store (kms-semantics §12). Immutable. Its password, or secret, is opened by who connects it. */
export interface CustomKeyStore {
  readonly id: string;
  readonly accountId: string;
  readonly name: string;
  readonly connectionState: ConnectionStateType;
  /** Of one that is FAILED. */
  readonly connectionErrorCode: ConnectionErrorCodeType | undefined;
  readonly createdAt: Date;
  readonly sealedSecret: Sealed;
  readonly of: CloudHsmStore | ExternalStore;
}

export interface CloudHsmStore {
  readonly type: 'AWS_CLOUDHSM';
  readonly clusterId: string;
  readonly trustAnchorCertificate: string;
}

export interface ExternalStore {
  readonly type: 'EXTERNAL_KEY_STORE';
  readonly connectivity: XksProxyConnectivityType;
  /** `https://host` */
  readonly uriEndpoint: string;
  /** `…/kms/xks/v1` */
  readonly uriPath: string;
  readonly accessKeyId: string;
  readonly vpcEndpointServiceName: string | undefined;
  readonly vpcEndpointServiceOwner: string | undefined;
}

/** Whether they are connected alike: to the same, by the same secret. */
export function connectsAlike(one: CustomKeyStore, other: CustomKeyStore): boolean {
  return (
    one.sealedSecret.blob.equals(other.sealedSecret.blob) &&
    JSON.stringify(one.of) === JSON.stringify(other.of)
  );
}
