/** Where the tokens and the XKS proxies of custom key stores are: CLAVIGER_KEY_STORES_FILE. */
export interface KeyStoresFile {
  /** By cluster id: tokens that a store of type AWS_CLOUDHSM can be. */
  readonly clusters: ReadonlyMap<string, ClusterToken>;
  /** By host of an endpoint: what is not as public DNS and public authorities have it. */
  readonly proxies: ReadonlyMap<string, ProxySettings>;
}

export interface ClusterToken {
  readonly module: string;
  readonly libraryParameters?: string;
  readonly label: string;
  readonly serial?: string;
  /** CloudHSM's PIN is `user:password`; without it, the password alone. */
  readonly user?: string;
  /** PEM: what the TrustAnchorCertificate of CreateCustomKeyStore must be. */
  readonly trustAnchorFile?: string;
  readonly local?: boolean;
  readonly lanes?: number;
  readonly deadlineMs?: number;
  readonly ivSource?: 'random' | 'token';
  readonly maxSessions?: number;
  /** Directory of a file-based token. */
  readonly directory?: string;
  /** Of the process that loads the module: SOFTHSM2_CONF and the like. */
  readonly environment?: Readonly<Record<string, string>>;
}

export interface ProxySettings {
  /** `host:port` in place of the endpoint's own host and 443. */
  readonly connectTo?: string;
  /** PEM: authorities believed in place of the public ones. */
  readonly caFile?: string;
  /** PEM: our client certificate and its key. */
  readonly certFile?: string;
  readonly keyFile?: string;
}
