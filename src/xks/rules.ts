/** Secondary authorization of one store or key. Immutable. */
export interface AuthorizationRules {
  /** As they were given, in order; what `claviger xks` prints. */
  readonly document: unknown;
}
