import { X509Certificate } from 'node:crypto';
import { KeyUsageFlags } from '@peculiar/asn1-x509';
import { OctetString } from '@peculiar/asn1-schema';
import { Chains } from '../../src/attestation/chain';
import { AttestationFault } from '../../src/attestation/fault';
import {
  type CertificateOptions,
  type IssuedCertificate,
  authorityExtensions,
  basicConstraints,
  extension,
  issueChainCertificate,
  keyUsage,
  newKeys,
  pemOf,
  signerExtensions,
} from '../support/chain-certificates';

const now = new Date();
const hours = (n: number): Date => new Date(now.getTime() + n * 3_600_000);
const { digitalSignature, keyCertSign, cRLSign } = KeyUsageFlags;

const root = issueChainCertificate({ name: 'root' });
const host = issueChainCertificate({
  name: 'host',
  issuer: root,
  extensions: authorityExtensions(0),
});
const signer = issueChainCertificate({
  name: 'signer',
  issuer: host,
  extensions: signerExtensions,
});
const stranger = issueChainCertificate({ name: 'root' });

const below = (issuer: IssuedCertificate, different: Partial<CertificateOptions> = {}) =>
  issueChainCertificate({ name: 'host', issuer, extensions: authorityExtensions(0), ...different });
const signerOf = (issuer: IssuedCertificate, different: Partial<CertificateOptions> = {}) =>
  issueChainCertificate({ name: 'signer', issuer, extensions: signerExtensions, ...different });

interface Given {
  /** The root first, the signer last. */
  readonly path: readonly (IssuedCertificate | Buffer)[];
  readonly roots?: readonly IssuedCertificate[];
  readonly at?: Date;
}

function outcomeOf({ path, roots = [root], at = now }: Given, chains = trusting(roots)): string {
  const ders = path.map((one) => (Buffer.isBuffer(one) ? one : one.der));
  try {
    const key = chains.keyOf({ certificate: ders.at(-1)!, cabundle: ders.slice(0, -1) }, at);
    const own = new X509Certificate(ders.at(-1)!).publicKey;
    return key.equals(own) ? 'vouched for' : 'another key';
  } catch (error) {
    if (error instanceof AttestationFault) return error.message;
    throw error;
  }
}

function trusting(roots: readonly IssuedCertificate[]): Chains {
  return new Chains(roots.map(({ der }) => new X509Certificate(der)));
}

const length = 'the chain is longer than one of its authorities allows';
const mayNot = 'a certificate of cabundle may not issue certificates';
const notForSignatures = 'the certificate is not one for signatures alone';
const notIssued = 'a certificate is not issued by the one before it';
const noRoot = 'cabundle does not begin with one of our roots';
const curve = 'the key of the certificate is not one of P-384';
const extensionTwice = 'a certificate has an extension twice';
const critical = 'a certificate has a critical extension that we do not know';

describe('A chain', () => {
  const deep = (): IssuedCertificate[] => {
    const authorities = [root];
    for (let left = 6; left >= 0; left--) {
      const extensions = authorityExtensions(left);
      authorities.push(below(authorities.at(-1)!, { name: `host ${left}`, extensions }));
    }
    return [...authorities, signerOf(authorities.at(-1)!)];
  };
  test.each<[string, () => Given]>([
    ['of root, authority and signer', () => ({ path: [root, host, signer] })],
    ['of root and signer', () => ({ path: [root, signerOf(root)] })],
    ['of eight authorities', () => ({ path: deep() })],
    [
      'under the second of two roots',
      () => ({ path: [root, host, signer], roots: [stranger, root] }),
    ],
    [
      'of a signer without basic constraints',
      () => ({ path: [root, signerOf(root, { extensions: [keyUsage(digitalSignature)] })] }),
    ],
    [
      'with SHA-256',
      () => ({ path: [root, signerOf(root, { algorithm: '1.2.840.10045.4.3.2' })] }),
    ],
    [
      'under an authority of P-256',
      () => {
        const authority = below(root, { keys: newKeys('P-256') });
        return { path: [root, authority, signerOf(authority)] };
      },
    ],
  ])('%s is vouched for', (_name, make) => {
    expect(outcomeOf(make())).toBe('vouched for');
  });

  test.each<[string, () => Given, string]>([
    ['without authorities', () => ({ path: [signer] }), noRoot],
    ['of a root alone', () => ({ path: [root] }), noRoot],
    [
      'under another root of the same name',
      () => ({ path: [root, host, signer], roots: [stranger] }),
      noRoot,
    ],
    ['without its root', () => ({ path: [host, signer] }), noRoot],
    [
      'whose root has the same key and name in another certificate',
      () => ({ path: [issueChainCertificate({ name: 'root', keys: root }), host, signer] }),
      noRoot,
    ],
    ['that begins with an authority of a root', () => ({ path: [host, root, signer] }), noRoot],
    ['out of order', () => ({ path: [root, signerOf(host), host] }), mayNot],
    ['that leaves an authority out', () => ({ path: [root, signer] }), notIssued],
    [
      'of an authority that the root did not sign',
      () => ({ path: [root, below(stranger), signer] }),
      notIssued,
    ],
    [
      'of a signer that the authority did not sign',
      () => ({ path: [root, host, signerOf(below(stranger))] }),
      notIssued,
    ],
    [
      'with its root twice',
      () => ({ path: [root, root, signerOf(root)] }),
      'a certificate stands in cabundle twice',
    ],
    [
      'with an authority twice',
      () => ({ path: [root, host, host, signer] }),
      'a certificate stands in cabundle twice',
    ],
    ['whose signer stands in cabundle', () => ({ path: [root, signer, signer] }), mayNot],
    [
      'with an authority too many',
      () => ({ path: [root, host, below(host), signerOf(host)] }),
      length,
    ],
  ])('%s is not', (_name, make, fault) => {
    expect(outcomeOf(make())).toBe(fault);
  });
});

describe('An authority', () => {
  const under = (different: Partial<CertificateOptions>): Given => {
    const authority = below(root, different);
    return { path: [root, authority, signerOf(authority)] };
  };
  const usage = keyUsage(keyCertSign | cRLSign);
  const isAuthority = basicConstraints({ cA: true });

  test.each<[string, Partial<CertificateOptions>, string]>([
    ['that expired', { to: hours(-0.5) }, 'a certificate is valid from'],
    ['that is not valid yet', { from: hours(0.5) }, 'a certificate is valid from'],
    ['that is none', { extensions: signerExtensions }, mayNot],
    ['that does not say that it is one', { extensions: [usage] }, mayNot],
    [
      'that says so as if it did not matter',
      { extensions: [basicConstraints({ cA: true }, false), usage] },
      mayNot,
    ],
    ['without key usage', { extensions: [isAuthority] }, mayNot],
    ['for signatures', { extensions: [isAuthority, keyUsage(digitalSignature)] }, mayNot],
    ['that says so twice', { extensions: [isAuthority, isAuthority, usage] }, extensionTwice],
    ['that is of no extensions', { extensions: [] }, mayNot],
    [
      'with a critical extension that we do not know',
      { extensions: [isAuthority, usage, keyIdentifier(true)] },
      critical,
    ],
    [
      'signed with SHA-1',
      { algorithm: '1.2.840.10045.4.1' },
      'a certificate is not signed by ECDSA with SHA-2',
    ],
  ])('%s does not vouch', (_name, different, fault) => {
    expect(outcomeOf(under(different))).toContain(fault);
  });

  test('that is a root which expired, or may not issue, does not vouch either', () => {
    const roots = [
      issueChainCertificate({ name: 'old', to: hours(-0.5) }),
      issueChainCertificate({ name: 'none', extensions: signerExtensions }),
      issueChainCertificate({ name: 'short', extensions: authorityExtensions(0) }),
    ];
    expect(
      roots.map((one) => {
        const authority = below(one);
        return outcomeOf({ path: [one, authority, signerOf(authority)], roots });
      }),
    ).toEqual([expect.stringContaining('a certificate is valid from') as string, mayNot, length]);
  });

  test('may say more that is not critical', () => {
    const extensions = [isAuthority, usage, keyIdentifier(false)];
    expect(outcomeOf(under({ extensions }))).toBe('vouched for');
  });
});

describe('A signer', () => {
  test.each<[string, Partial<CertificateOptions>, string]>([
    ['that expired', { to: hours(-0.5) }, 'a certificate is valid from'],
    ['that is not valid yet', { from: hours(0.5) }, 'a certificate is valid from'],
    [
      'that is an authority',
      { extensions: [basicConstraints({ cA: true }), keyUsage(digitalSignature | keyCertSign)] },
      notForSignatures,
    ],
    [
      'with a path length',
      {
        extensions: [
          basicConstraints({ cA: false, pathLenConstraint: 0 }),
          keyUsage(digitalSignature),
        ],
      },
      notForSignatures,
    ],
    ['without key usage', { extensions: [basicConstraints({ cA: false })] }, notForSignatures],
    ['for key agreement', { extensions: [keyUsage(KeyUsageFlags.keyAgreement)] }, notForSignatures],
    ['of P-256', { keys: newKeys('P-256') }, curve],
    ['of P-521', { keys: newKeys('P-521') }, curve],
    [
      'with a critical extension that nobody knows',
      { extensions: [...signerExtensions, extension('1.2.3.4', new OctetString(1), true)] },
      critical,
    ],
    [
      'signed with SHA-1',
      { algorithm: '1.2.840.10045.4.1' },
      'a certificate is not signed by ECDSA with SHA-2',
    ],
  ])('%s is not vouched for', (_name, different, fault) => {
    expect(outcomeOf({ path: [root, host, signerOf(host, different)] })).toContain(fault);
  });

  const damaged = (at: number): Buffer => {
    const der = Buffer.from(signer.der);
    der[der.length + at]! ^= 1;
    return der;
  };
  test.each<[string, Buffer, string]>([
    ['in PEM', Buffer.from(pemOf(signer.der)), 'a certificate is not DER alone'],
    [
      'with bytes behind it',
      Buffer.concat([signer.der, Buffer.of(0)]),
      'a certificate is not DER alone',
    ],
    ['that ends too early', signer.der.subarray(0, -1), 'a certificate cannot be read'],
    ['that is none', Buffer.from('certificate'), 'a certificate cannot be read'],
    [
      'that is a key',
      signer.publicKey.export({ type: 'spki', format: 'der' }),
      'a certificate cannot be read',
    ],
    ['with a changed signature', damaged(-1), notIssued],
  ])('%s is not vouched for', (_name, der, fault) => {
    expect(outcomeOf({ path: [root, host, der] })).toBe(fault);
  });
});

describe('Authorities that are known', () => {
  test('are still asked whether it is their time, and vouch for what they have issued alone', () => {
    const authority = below(root, { to: hours(0.25) });
    const chains = trusting([root]);
    const own = signerOf(authority);
    const ask = (path: Given['path'], at = now) => outcomeOf({ path, at }, chains);
    expect(ask([root, authority, own])).toBe('vouched for');
    expect(ask([root, authority, own])).toBe('vouched for');
    expect(ask([root, authority, own], hours(0.5))).toContain('a certificate is valid from');
    expect(ask([root, authority, signerOf(below(root))])).toBe(notIssued);
    expect(ask([root, authority, authority])).toBe(notForSignatures);
    expect(ask([Buffer.concat([root.der, authority.der]), own])).toBe(noRoot);
    expect(ask([root, authority, own])).toBe('vouched for');
  });

  test('are forgotten, oldest first, and vouch as well when they come back', () => {
    const chains = new Chains([new X509Certificate(root.der)], 2);
    const hosts = ['a', 'b', 'c'].map((name) => below(root, { name }));
    const ask = (issuer: IssuedCertificate): string =>
      outcomeOf({ path: [root, issuer, signerOf(issuer)] }, chains);
    expect([...hosts, ...hosts].map(ask)).toEqual(Array(6).fill('vouched for'));
  });
});

function keyIdentifier(isCritical: boolean) {
  return extension('2.5.29.14', new OctetString(Buffer.alloc(20, 7)), isCritical);
}
