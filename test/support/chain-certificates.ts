import { type KeyObject, generateKeyPairSync, sign } from 'node:crypto';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import {
  AlgorithmIdentifier,
  AttributeTypeAndValue,
  AttributeValue,
  BasicConstraints,
  Certificate,
  Extension,
  Extensions,
  KeyUsage,
  KeyUsageFlags,
  Name,
  RelativeDistinguishedName,
  SubjectPublicKeyInfo,
  TBSCertificate,
  Validity,
  Version,
  id_ce_basicConstraints,
  id_ce_keyUsage,
} from '@peculiar/asn1-x509';

export interface KeyPair {
  readonly publicKey: KeyObject;
  readonly privateKey: KeyObject;
}

export interface IssuedCertificate extends KeyPair {
  readonly name: string;
  readonly der: Buffer;
}

export interface CertificateOptions {
  readonly name: string;
  /** Itself where there is none. */
  readonly issuer?: IssuedCertificate;
  readonly keys?: KeyPair;
  readonly from?: Date;
  readonly to?: Date;
  readonly extensions?: readonly Extension[];
  /** The hash of the signature, by its algorithm. */
  readonly algorithm?: keyof typeof hashes;
}

const hashes = {
  '1.2.840.10045.4.1': 'sha1',
  '1.2.840.10045.4.3.2': 'sha256',
  '1.2.840.10045.4.3.3': 'sha384',
} as const;

export function newKeys(namedCurve = 'P-384'): KeyPair {
  return generateKeyPairSync('ec', { namedCurve });
}

export function basicConstraints(
  constraints: ConstructorParameters<typeof BasicConstraints>[0],
  critical = true,
): Extension {
  return extension(id_ce_basicConstraints, new BasicConstraints(constraints), critical);
}

export function keyUsage(flags: number): Extension {
  return extension(id_ce_keyUsage, new KeyUsage(flags), true);
}

export function extension(extnID: string, value: object, critical: boolean): Extension {
  return new Extension({
    extnID,
    critical,
    extnValue: new OctetString(AsnConvert.serialize(value)),
  });
}

const { keyCertSign, cRLSign, digitalSignature } = KeyUsageFlags;

export const authorityExtensions = (pathLenConstraint?: number): readonly Extension[] => [
  basicConstraints({ cA: true, ...(pathLenConstraint !== undefined && { pathLenConstraint }) }),
  keyUsage(keyCertSign | cRLSign),
];
export const signerExtensions: readonly Extension[] = [
  basicConstraints({ cA: false }),
  keyUsage(digitalSignature),
];

const hour = 3_600_000;
let serial = 1;

/** A certificate with whatever is asked for, sensible or not; the openssl command would not make all of them. */
export function issueChainCertificate(options: CertificateOptions): IssuedCertificate {
  const { name, keys = newKeys(), extensions = authorityExtensions() } = options;
  const issuer = options.issuer ?? { ...keys, name };
  const algorithm = options.algorithm ?? '1.2.840.10045.4.3.3';
  const signatureAlgorithm = new AlgorithmIdentifier({ algorithm });
  const tbsCertificate = new TBSCertificate({
    version: Version.v3,
    serialNumber: Uint8Array.of(1, (serial += 1)).buffer,
    signature: signatureAlgorithm,
    issuer: nameOf(issuer.name),
    subject: nameOf(name),
    validity: new Validity({
      notBefore: options.from ?? new Date(Date.now() - hour),
      notAfter: options.to ?? new Date(Date.now() + hour),
    }),
    subjectPublicKeyInfo: AsnConvert.parse(
      keys.publicKey.export({ type: 'spki', format: 'der' }),
      SubjectPublicKeyInfo,
    ),
    extensions: new Extensions([...extensions]),
  });
  const signed = Buffer.from(AsnConvert.serialize(tbsCertificate));
  const signature = sign(hashes[algorithm], signed, issuer.privateKey);
  const certificate = new Certificate({
    tbsCertificate,
    signatureAlgorithm,
    signatureValue: Uint8Array.from(signature).buffer,
  });
  return { ...keys, name, der: Buffer.from(AsnConvert.serialize(certificate)) };
}

export function pemOf(der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return ['-----BEGIN CERTIFICATE-----', ...lines, '-----END CERTIFICATE-----', ''].join('\n');
}

const commonName = '2.5.4.3';

function nameOf(name: string): Name {
  const attribute = new AttributeTypeAndValue({
    type: commonName,
    value: new AttributeValue({ utf8String: name }),
  });
  return new Name([new RelativeDistinguishedName([attribute])]);
}
