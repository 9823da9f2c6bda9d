import { X509Certificate } from 'node:crypto';
import { AsnConvert } from '@peculiar/asn1-schema';
import {
  BasicConstraints,
  Certificate,
  type Extension,
  KeyUsage,
  KeyUsageFlags,
  id_ce_basicConstraints,
  id_ce_keyUsage,
} from '@peculiar/asn1-x509';
import { AttestationFault } from './fault';

/** A certificate with what node:crypto does not tell of one. */
export interface ChainCertificate {
  readonly x509: X509Certificate;
  readonly mayIssue: boolean;
  readonly isAuthority: boolean;
  readonly maySign: boolean;
  /** How many authorities may stand below it; undefined: any number. */
  readonly pathLength: number | undefined;
}

/** ecdsa-with-SHA256, -SHA384, -SHA512 (RFC 5758 §3.2): all that AWS has, and SHA-1 is none of them. */
const signatureAlgorithms: ReadonlySet<string> = new Set([
  '1.2.840.10045.4.3.2',
  '1.2.840.10045.4.3.3',
  '1.2.840.10045.4.3.4',
]);

/** @throws AttestationFault */
export function readChainCertificate(der: Buffer): ChainCertificate {
  const x509 = parse(() => new X509Certificate(der));
  // OpenSSL takes what stands behind a certificate for nothing, and PEM for one too.
  if (!x509.raw.equals(der)) throw new AttestationFault('a certificate is not DER alone');
  const { tbsCertificate, signatureAlgorithm } = parse(() => AsnConvert.parse(der, Certificate));
  if (!signatureAlgorithms.has(signatureAlgorithm.algorithm)) {
    throw new AttestationFault('a certificate is not signed by ECDSA with SHA-2');
  }
  const all: readonly Extension[] = Array.from(tbsCertificate.extensions ?? []);
  const extensions = new Map(all.map((one) => [one.extnID, one]));
  if (extensions.size !== all.length) {
    throw new AttestationFault('a certificate has an extension twice');
  }
  const [constraints, usage] = [id_ce_basicConstraints, id_ce_keyUsage].map((id) =>
    extensions.get(id),
  );
  const unknown = [...extensions.values()].some(
    (one) => one.critical && one !== constraints && one !== usage,
  );
  // RFC 5280 §4.2: what we do not know and its issuer calls critical makes a certificate useless to us.
  if (unknown)
    throw new AttestationFault('a certificate has a critical extension that we do not know');
  const basic =
    constraints && parse(() => AsnConvert.parse(constraints.extnValue, BasicConstraints));
  const uses = usage ? parse(() => AsnConvert.parse(usage.extnValue, KeyUsage)).toNumber() : 0;
  return {
    x509,
    isAuthority: basic?.cA === true,
    mayIssue:
      basic?.cA === true &&
      constraints?.critical === true &&
      (uses & KeyUsageFlags.keyCertSign) > 0,
    maySign: (uses & KeyUsageFlags.digitalSignature) > 0,
    pathLength: basic?.pathLenConstraint,
  };
}

function parse<T>(read: () => T): T {
  try {
    return read();
  } catch (cause) {
    throw new AttestationFault('a certificate cannot be read', { cause });
  }
}
