import { X509Certificate, sign } from 'node:crypto';
import { Tagged, encodeOne } from 'cbor';
import {
  type IssuedCertificate,
  authorityExtensions,
  issueChainCertificate,
  pemOf,
  signerExtensions,
} from './chain-certificates';

/** A document's members by name; undefined takes one away. */
export type Different = Readonly<Record<string, unknown>>;

/** What a COSE_Sign1 is made of, where it is to be something else than it should be. */
export interface Envelope {
  readonly protectedHeader?: Buffer;
  readonly unprotected?: unknown;
  /** What is sent, where that is not what was signed. */
  readonly payload?: unknown;
  readonly signature?: unknown;
  /** 18, or none: as NSM and NitroTPM have it. */
  readonly tag?: number;
}

/** What vouches for enclaves and NitroTPMs as AWS's Nitro Attestation PKI does, with keys of its own. */
export interface Attester {
  /** The root first; the last signs certificates of modules. */
  readonly authorities: readonly IssuedCertificate[];
  readonly module: IssuedCertificate;
  readonly roots: readonly X509Certificate[];
  readonly rootPem: string;
  /** What such a document says, unsigned. */
  payload(publicKey: Buffer, different?: Different): Buffer;
  /** A document for the holder of a public key (SubjectPublicKeyInfo in DER), made now. */
  document(publicKey: Buffer, different?: Different, envelope?: Envelope): Buffer;
}

export const es384 = Buffer.of(0xa1, 0x01, 0x38, 0x22);

/** PCR<n> is 48 bytes of 0xa0 + n: no two are the same, none is a debug enclave's, and all have letters. */
export const pcr = (index: number, length = 48): Buffer => Buffer.alloc(length, 0xa0 + index);
export const pcrHex = (index: number): string => pcr(index).toString('hex');

export const enclaveId = 'i-0123456789abcdef0-enc0123456789abcdef';
export const nitroTpmId = 'i-0123456789abcdef0-tpm0000000000000000';

/** What a NitroTPM's document has in place of an enclave's PCRs. */
export const ofNitroTpm: Different = {
  module_id: nitroTpmId,
  pcrs: undefined,
  nitrotpm_pcrs: new Map([4, 7, 11].map((index) => [index, pcr(index)])),
};

export function makeAttester(name = 'test.nitro-enclaves'): Attester {
  const root = issueChainCertificate({ name });
  const region = issueChainCertificate({
    name: `region.${name}`,
    issuer: root,
    extensions: authorityExtensions(1),
  });
  const host = issueChainCertificate({
    name: `host.${name}`,
    issuer: region,
    extensions: authorityExtensions(0),
  });
  const module = issueChainCertificate({
    name: enclaveId,
    issuer: host,
    extensions: signerExtensions,
  });
  return attesterOf([root, region, host], module);
}

function attesterOf(
  authorities: readonly IssuedCertificate[],
  module: IssuedCertificate,
): Attester {
  const rootPem = pemOf(authorities[0]!.der);
  const payload = (publicKey: Buffer, different: Different = {}): Buffer => {
    const fields: Record<string, unknown> = {
      module_id: enclaveId,
      digest: 'SHA384',
      timestamp: Date.now(),
      pcrs: new Map([0, 1, 2, 3, 4, 8].map((index) => [index, pcr(index)])),
      certificate: module.der,
      cabundle: authorities.map(({ der }) => der),
      public_key: publicKey,
      user_data: null,
      nonce: null,
      ...different,
    };
    const members = Object.entries(fields).filter(([, value]) => value !== undefined);
    return cborOf(new Map<unknown, unknown>(members));
  };
  return {
    authorities,
    module,
    roots: [new X509Certificate(rootPem)],
    rootPem,
    payload,
    document: (publicKey, different, envelope) =>
      signed(payload(publicKey, different), module, envelope),
  };
}

/** The package encodes for a stream, and stops at what a stream would hold back. */
export function cborOf(value: unknown): Buffer {
  return encodeOne(value, { highWaterMark: 1 << 20 } as object);
}

/** COSE_Sign1 over a payload. */
export function signed(
  payload: Buffer,
  { privateKey }: Pick<IssuedCertificate, 'privateKey'>,
  envelope: Envelope = {},
): Buffer {
  const header = envelope.protectedHeader ?? es384;
  const structure = cborOf(['Signature1', header, Buffer.alloc(0), payload]);
  const signature = sign('sha384', structure, { key: privateKey, dsaEncoding: 'ieee-p1363' });
  const parts = [
    header,
    envelope.unprotected ?? new Map(),
    envelope.payload ?? payload,
    envelope.signature ?? signature,
  ];
  const { tag } = envelope;
  return cborOf(tag === undefined ? parts : new Tagged(tag, parts));
}
