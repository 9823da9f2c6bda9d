/** GetHealthStatus (xks-proxy §1.9). */
export interface HealthStatus {
  readonly xksProxyFleetSize: number;
  readonly xksProxyVendor: string;
  /** Name and version. */
  readonly xksProxyModel: string;
  readonly ekmVendor: string;
  /** 1 to 10. */
  readonly ekmFleetDetails: readonly {
    readonly id: string;
    readonly model: string;
    readonly healthStatus: 'ACTIVE' | 'DEGRADED' | 'UNAVAILABLE';
  }[];
}

/** Looks in the background, so that to ask costs nothing; what it says is never older than a minute. */
export interface Health {
  status(): HealthStatus;
  close(): void;
}
