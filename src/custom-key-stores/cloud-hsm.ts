import { X509Certificate } from 'node:crypto';
import { HsmError, openHostedToken, type Token, type TokenOptions } from '../../hsm';
import type { ClusterToken, KeyStoresFile } from '../config/key-stores';
import { KmsError } from '../errors';
import type { Log } from '../log';
import type { ConnectionErrorCodeType } from '../shapes/kms.generated';
import { ConnectionFault } from './connections';
import type { CloudHsmStore } from './store';

export interface CloudHsmConnectorOptions {
  readonly clusters: KeyStoresFile['clusters'];
  /** Serial of the daemon's own token. */
  readonly ownSerial: () => string;
  /** Handles kept of each token at the most. */
  readonly maxCachedKeys: number;
  readonly log: Log;
  readonly onOperation?: TokenOptions['onOperation'];
}

type Password = () => Promise<Buffer>;

/** Opens the tokens that custom key stores of type AWS_CLOUDHSM name by their cluster id. */
export class CloudHsmConnector {
  constructor(private readonly options: CloudHsmConnectorOptions) {}

  /** `Connectors.cloudHsm`: a token that recovers by itself, until it is closed. */
  readonly connect = async ({ clusterId }: CloudHsmStore, password: Password): Promise<Token> => {
    const cluster = this.options.clusters.get(clusterId);
    if (cluster === undefined) {
      throw new ConnectionFault('CLUSTER_NOT_FOUND', `no token is configured for ${clusterId}`);
    }
    const token = await this.#open(clusterId, cluster, password);
    if (token.status().serial !== this.options.ownSerial()) return token;
    await token.close();
    const message = `the token of ${clusterId} is the daemon's own`;
    throw new ConnectionFault('INTERNAL_ERROR', message);
  };

  /** `Connectors.requireCluster`: what CreateCustomKeyStore asks before it writes. */
  readonly requireCluster = (
    { clusterId, trustAnchorCertificate }: CloudHsmStore,
    accountId: string,
  ): void => {
    const cluster = this.options.clusters.get(clusterId);
    // Whoever could make a store of another's cluster could spend its PIN attempts.
    if (cluster === undefined || (cluster.account ?? accountId) !== accountId) {
      const message = `Cannot find the AWS CloudHSM cluster ${clusterId}.`;
      throw new KmsError('CloudHsmClusterNotFoundException', message);
    }
    if (isTrustAnchor(trustAnchorCertificate, cluster)) return;
    throw new KmsError(
      'IncorrectTrustAnchorException',
      `The trust anchor certificate is not the one of the AWS CloudHSM cluster ${clusterId}.`,
    );
  };

  async #open(clusterId: string, cluster: ClusterToken, password: Password): Promise<Token> {
    try {
      return await openHostedToken(
        this.#tokenOptions(clusterId, cluster, password),
        cluster.environment ?? {},
      );
    } catch (cause) {
      const message = `the token of ${clusterId} cannot be used`;
      throw new ConnectionFault(connectionErrorCode(cause), message, { cause });
    }
  }

  #tokenOptions(clusterId: string, cluster: ClusterToken, password: Password): TokenOptions {
    const { maxCachedKeys, log, onOperation } = this.options;
    const { environment: _, trustAnchor: __, account: ___, directory, user, ...given } = cluster;
    return {
      ...defaults,
      ...given,
      maxCachedKeys,
      ...(directory !== undefined && { durableDirectory: directory }),
      readPin: async () => pinOf(user, await password()),
      onEvent: ({ level, message, fields }) => log.at(level, message, { ...fields, clusterId }),
      ...(onOperation && { onOperation }),
    };
  }
}

/** A cluster is reached over a network, unless the file says otherwise. */
const defaults = { local: false, lanes: 2, deadlineMs: 10_000, ivSource: 'random' } as const;

/** CloudHSM's PIN is that of a user. */
function pinOf(user: string | undefined, password: Buffer): string {
  try {
    return user === undefined ? password.toString() : `${user}:${password.toString()}`;
  } finally {
    password.fill(0);
  }
}

/** As certificates: the same one may be written with other line ends. Where none is configured, every certificate is right. */
function isTrustAnchor(pem: string, { trustAnchor }: ClusterToken): boolean {
  if (trustAnchor === undefined) return true;
  try {
    return new X509Certificate(pem).raw.equals(trustAnchor.raw);
  } catch {
    return false;
  }
}

/** What a failure of the token says about the cluster, the first that fits (kms-semantics §12.2). */
const connectionErrorCodes: ReadonlyArray<readonly [RegExp, ConnectionErrorCodeType]> = [
  [/CKR_PIN_LOCKED/, 'USER_LOCKED_OUT'],
  [/CKR_USER_PIN_NOT_INITIALIZED|CKR_USER_TYPE_INVALID/, 'USER_NOT_FOUND'],
  [/CKR_USER_ANOTHER_ALREADY_LOGGED_IN|CKR_USER_TOO_MANY_TYPES/, 'USER_LOGGED_IN'],
  [/CKR_PIN_/, 'INVALID_CREDENTIALS'],
  [/^no token with label/, 'CLUSTER_NOT_FOUND'],
  [/cannot be loaded|the token's process/, 'INTERNAL_ERROR'],
  // A library that cannot reach its cluster does not get further than this.
  [/^C_Initialize: /, 'NETWORK_ERRORS'],
];

const byCode: Partial<Record<HsmError['code'], ConnectionErrorCodeType>> = {
  'token-unavailable': 'NETWORK_ERRORS',
  deadline: 'NETWORK_ERRORS',
};

export function connectionErrorCode(error: unknown): ConnectionErrorCodeType {
  if (!(error instanceof HsmError)) return 'INTERNAL_ERROR';
  const [, code] = connectionErrorCodes.find(([message]) => message.test(error.message)) ?? [];
  return code ?? byCode[error.code] ?? 'INTERNAL_ERROR';
}
