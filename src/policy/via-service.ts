import { KmsError } from '../errors';
import type { Principal } from './principal';

/**
 * kms:ViaService of a service's principal name: `s3.amazonaws.com` in us-east-1 is `s3.us-east-1.amazonaws.com`, and
 * `docs.claviger.internal` is `docs.us-east-1.claviger.internal`.
 */
export function viaServiceName(service: string, region: string): string {
  const dot = service.indexOf('.');
  return dot < 0 ? service : `${service.slice(0, dot)}.${region}${service.slice(dot)}`;
}

/** STS tells the service whose session it has; everything else that a forwarded session may be used for is in KMS. */
const alsoForwardable: ReadonlySet<string> = new Set(['GetCallerIdentity']);

/**
 * A forwarded session is for KMS alone: with it a service must not get credentials of the principal's that do not say
 * that the service uses them, by AssumeRole or CreateAccessKey. Throws AccessDeniedException.
 */
export function requireForwardable(
  { arn, session }: Principal,
  { service, operation }: { readonly service: string | undefined; readonly operation: string },
): void {
  if (session?.via === undefined || service === 'kms' || alsoForwardable.has(operation)) return;
  throw new KmsError(
    'AccessDeniedException',
    `User: ${arn} is not authorized to perform: ${service ?? 'sts'}:${operation} because a forwarded session is for KMS alone`,
  );
}
