import { createHash, type KeyObject, type X509Certificate } from 'node:crypto';
import { type ChainCertificate, readChainCertificate } from './certificates';
import { AttestationFault } from './fault';

interface Chain {
  readonly certificate: Buffer;
  /** The root first. */
  readonly cabundle: readonly Buffer[];
}

/** Hosts that a worker keeps in mind; each vouches for many enclaves, for a day. */
const defaultMaxKnown = 256;

/**
 * Chains of authorities from our roots down to a certificate: RFC 5280 §6 as far as "Nitro Enclaves Attestation Process"
 * §3.2.3 asks for it. A root is trusted as it is, byte for byte.
 */
export class Chains {
  /**
   * Authorities that have proved to be issued one by the other, by their digests: that stays so. Whether it is still their
   * time is asked anew.
   */
  private readonly known = new Map<string, readonly ChainCertificate[]>();

  constructor(
    private readonly roots: readonly X509Certificate[],
    private readonly maxKnown = defaultMaxKnown,
  ) {}

  /** The key of a certificate that is vouched for at that time. @throws AttestationFault */
  keyOf({ certificate, cabundle }: Chain, now: Date): KeyObject {
    const [first] = cabundle;
    // Before anything is parsed: whoever has no document of one of our roots is told so for the price of a comparison.
    if (first === undefined || !this.roots.some(({ raw }) => raw.equals(first))) {
      throw new AttestationFault('cabundle does not begin with one of our roots');
    }
    const authorities = this.authoritiesOf(cabundle);
    const signer = readChainCertificate(certificate);
    const path = [...authorities, signer];
    for (const { x509 } of path) requireValid(x509, now);
    requireSigner(signer);
    requireIssued(path.slice(-2));
    return signer.x509.publicKey;
  }

  private authoritiesOf(cabundle: readonly Buffer[]): readonly ChainCertificate[] {
    const digests = cabundle.map((der) => createHash('sha256').update(der).digest('hex'));
    const name = digests.join();
    const known = this.known.get(name);
    if (known !== undefined) return known;
    if (new Set(digests).size !== digests.length) {
      throw new AttestationFault('a certificate stands in cabundle twice');
    }
    const authorities = cabundle.map(readChainCertificate);
    authorities.forEach((one, at) => requireAuthority(one, authorities.length - 1 - at));
    requireIssued(authorities);
    const [oldest] = this.known.keys();
    if (this.known.size >= this.maxKnown && oldest !== undefined) this.known.delete(oldest);
    this.known.set(name, authorities);
    return authorities;
  }
}

function requireValid({ validFrom, validTo }: X509Certificate, now: Date): void {
  // Of a date that cannot be read neither holds.
  if (Date.parse(validFrom) <= now.getTime() && now.getTime() <= Date.parse(validTo)) return;
  throw new AttestationFault(`a certificate is valid from ${validFrom} to ${validTo} only`);
}

function requireAuthority({ mayIssue, pathLength }: ChainCertificate, below: number): void {
  if (!mayIssue) throw new AttestationFault('a certificate of cabundle may not issue certificates');
  if (pathLength !== undefined && pathLength < below) {
    throw new AttestationFault('the chain is longer than one of its authorities allows');
  }
}

function requireSigner({ x509, isAuthority, maySign, pathLength }: ChainCertificate): void {
  if (isAuthority || pathLength !== undefined || !maySign) {
    throw new AttestationFault('the certificate is not one for signatures alone');
  }
  const { asymmetricKeyType, asymmetricKeyDetails } = x509.publicKey;
  if (asymmetricKeyType !== 'ec' || asymmetricKeyDetails?.namedCurve !== 'secp384r1') {
    throw new AttestationFault('the key of the certificate is not one of P-384');
  }
}

/** From the root down, so that the first signature which is none of our authorities' is the last that is verified. */
function requireIssued(path: readonly ChainCertificate[]): void {
  for (const [at, { x509 }] of path.entries()) {
    const issuer = path[at - 1]?.x509;
    if (issuer === undefined) continue;
    if (!x509.checkIssued(issuer) || !x509.verify(issuer.publicKey)) {
      throw new AttestationFault('a certificate is not issued by the one before it');
    }
  }
}
