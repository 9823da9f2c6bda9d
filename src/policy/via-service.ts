/**
 * kms:ViaService of a service's principal name: `s3.amazonaws.com` in us-east-1 is `s3.us-east-1.amazonaws.com`, and
 * `docs.claviger.internal` is `docs.us-east-1.claviger.internal`.
 */
export function viaServiceName(service: string, region: string): string {
  const dot = service.indexOf('.');
  return dot < 0 ? service : `${service.slice(0, dot)}.${region}${service.slice(dot)}`;
}
