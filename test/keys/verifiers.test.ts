import { type KeyObject, createHash, createPublicKey, hash, verify } from 'node:crypto';
import { ed25519ph } from '@noble/curves/ed25519.js';
import { ml_dsa44, ml_dsa65, ml_dsa87 } from '@noble/post-quantum/ml-dsa';
import type { Key } from '../../src/keys/key';
import { requireSignable, requireSignature, signingRequest } from '../../src/keys/signing';
import { ed25519phMessage } from '../../src/keys/verifiers';
import { refusalOf } from '../support/refusal';
import {
  curveOrders,
  ecdsaOf,
  integersOf,
  malformedEcdsa,
  toNumber,
} from '../support/signature-forms';
import {
  Message,
  openSslPair,
  openSslSchemes,
  pairOf,
  rsaAlgorithms,
  signed,
  signedByOpenSsl,
  signingKey,
  verdict,
} from '../support/signing-keys';

const other = Buffer.from('attack at dusk');
const invalid = { code: 'KMSInvalidSignatureException', message: '' };

describe('A signature', () => {
  test.each(signedByOpenSsl)(
    'of OpenSSL with %s by %s is one of its message alone',
    (spec, algorithm) => {
      const { key } = pairOf(spec);
      const signature = signed(spec, algorithm);
      expect(verdict(key, algorithm, signature)).toBe('valid');
      expect(verdict(key, algorithm, signature, other)).toBe('invalid');
      expect(verdict(key, algorithm, signed(spec, algorithm, other))).toBe('invalid');
      const made = openSslPair[spec]();
      expect(verdict(signingKey(spec, made.publicKey), algorithm, signature)).toBe('invalid');
    },
  );

  test.each(signedByOpenSsl)(
    'of %s by %s is refused with any of its bits changed, and cut',
    (spec, algorithm) => {
      const { key } = pairOf(spec);
      const signature = signed(spec, algorithm);
      for (let at = 0; at < signature.length; at += 7) {
        const changed = Buffer.from(signature);
        changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
        expect([at, verdict(key, algorithm, changed)]).toEqual([at, 'invalid']);
      }
      for (const wrong of [
        ...[0, 1, -1].map((end) => signature.subarray(0, end)),
        signature.subarray(1),
        Buffer.concat([signature, Buffer.of(0)]),
        Buffer.concat([Buffer.of(0), signature]),
        Buffer.concat([signature, signature]),
        ...[0, 0xff].map((byte) => Buffer.alloc(signature.length, byte)),
        ...[1, 64, 256, 6144].map((length) => Buffer.alloc(length, 1)),
      ]) {
        expect(verdict(key, algorithm, wrong)).toBe('invalid');
      }
    },
  );

  test('by one algorithm is none by another', () => {
    const { key } = pairOf('RSA_2048');
    for (const made of rsaAlgorithms) {
      const signature = signed('RSA_2048', made);
      const valid = rsaAlgorithms.filter((one) => verdict(key, one, signature) === 'valid');
      expect(valid).toEqual([made]);
    }
  });
});

describe('An ECDSA signature', () => {
  const ecdsa = signedByOpenSsl.flatMap(([spec, algorithm]) =>
    spec in curveOrders ? [[spec as keyof typeof curveOrders, algorithm] as const] : [],
  );

  test.each(ecdsa)('with %s is one with its s and with the other', (spec, algorithm) => {
    const { key } = pairOf(spec);
    const [r, s] = integersOf(signed(spec, algorithm)).map(toNumber) as [bigint, bigint];
    expect(verdict(key, algorithm, ecdsaOf(r, s))).toBe('valid');
    expect(verdict(key, algorithm, ecdsaOf(r, curveOrders[spec] - s))).toBe('valid');
  });

  test.each(ecdsa)('with %s is refused in every form but DER', (spec, algorithm) => {
    const { key, publicKey } = pairOf(spec);
    const forms = malformedEcdsa(signed(spec, algorithm), curveOrders[spec]);
    for (const [form, signature] of Object.entries(forms)) {
      const ofOpenSsl = verify(openSslSchemes[algorithm].hash, Message, publicKey, signature);
      expect([form, verdict(key, algorithm, signature)]).toEqual([form, 'invalid']);
      expect([form, ofOpenSsl]).toEqual([form, false]);
    }
  });
});

describe('Ed25519ph', () => {
  test('verifies the signature of RFC 8032 §7.3', () => {
    const point = 'ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf';
    const signature = Buffer.from(
      '98a70222f0b8121aa9d30f813d683f809e462b469c7ff87639499bb94e6dae4131f85042463c2a355a2003d062adf5aaa10b8c61e636062aaad11c2a26083406',
      'hex',
    );
    const der = Buffer.from(`302a300506032b6570032100${point}`, 'hex');
    const key = signingKey('ECC_NIST_EDWARDS25519', der);
    expect(ed25519phMessage(key, Buffer.from('abc'), signature)).toBe(true);
    expect(ed25519phMessage(key, Buffer.from('abd'), signature)).toBe(false);
    // It is no Ed25519 signature of the digest.
    expect(verify(null, hash('sha512', 'abc', 'buffer'), publicOf(der), signature)).toBe(false);
  });

  test('signs and verifies the digest as a message, which is hashed again', async () => {
    const secret = Buffer.alloc(32, 7);
    const key = edwardsKey(ed25519ph.getPublicKey(secret));
    const digest = hash('sha512', Message, 'buffer');
    const signable = {
      ...{ Message: digest, MessageType: 'DIGEST' as const },
      SigningAlgorithm: 'ED25519_PH_SHA_512',
    };
    requireSignable(key, signable);
    expect(signingRequest(signable)).toEqual({
      ...{ algorithm: 'ED25519_PH_SHA_512', externalMu: false },
      input: digest,
    });
    requireSignature(key, signable, Buffer.from(ed25519ph.sign(digest, secret)));
    for (const wrong of [
      Buffer.from(ed25519ph.sign(Message, secret)),
      Buffer.from(ed25519ph.sign(digest, secret)).subarray(1),
      Buffer.from(ed25519ph.sign(digest, Buffer.alloc(32, 8))),
      Buffer.alloc(64),
      Buffer.alloc(1),
    ]) {
      expect(
        await refusalOf(() => {
          requireSignature(key, signable, wrong);
        }),
      ).toEqual(invalid);
    }
  });
});

describe('ML-DSA', () => {
  const schemes = [
    ['ML_DSA_44', ml_dsa44, '11'],
    ['ML_DSA_65', ml_dsa65, '12'],
    ['ML_DSA_87', ml_dsa87, '13'],
  ] as const;

  test.each(schemes)(
    '%s verifies a message, and its mu (FIPS 204 §6.2)',
    async (spec, scheme, arc) => {
      const { publicKey, secretKey } = scheme.keygen(Buffer.alloc(32, 7));
      const key = signingKey(spec, latticeKey(arc, publicKey));
      const SigningAlgorithm = 'ML_DSA_SHAKE_256';
      const raw = { Message, SigningAlgorithm };
      const tr = shake256(Buffer.from(publicKey));
      const mu = shake256(Buffer.concat([tr, Buffer.of(0, 0), Message]));
      const external = { Message: mu, MessageType: 'EXTERNAL_MU' as const, SigningAlgorithm };
      const signature = Buffer.from(scheme.sign(secretKey, Message));
      const withContext = Buffer.from(scheme.sign(secretKey, Message, Buffer.from('context')));
      for (const signable of [raw, external]) {
        requireSignable(key, signable);
        requireSignature(key, signable, signature);
        for (const wrong of [
          withContext,
          ...[1, 100, signature.length - 1].map((at) => changedAt(signature, at)),
          signature.subarray(0, -1),
          Buffer.concat([signature, Buffer.of(0)]),
          Buffer.alloc(signature.length),
          Buffer.alloc(1),
        ]) {
          expect(
            await refusalOf(() => {
              requireSignature(key, signable, wrong);
            }),
          ).toEqual(invalid);
        }
      }
      expect(
        await refusalOf(() => {
          requireSignature(key, { ...raw, Message: mu }, signature);
        }),
      ).toEqual(invalid);
      expect(signingRequest(external)).toEqual({
        ...{ algorithm: 'ML_DSA_SHAKE_256', input: mu, externalMu: true },
      });
      expect(signingRequest(raw)).toEqual({
        ...{ algorithm: 'ML_DSA_SHAKE_256', input: Message, externalMu: false },
      });
    },
  );
});

function publicOf(der: Buffer): KeyObject {
  return createPublicKey({ key: der, format: 'der', type: 'spki' });
}

function edwardsKey(point: Uint8Array): Key {
  const prefix = Buffer.from('302a300506032b6570032100', 'hex');
  return signingKey('ECC_NIST_EDWARDS25519', Buffer.concat([prefix, point]));
}

/** SubjectPublicKeyInfo of id-ml-dsa-… (RFC 9881 §4). */
function latticeKey(arc: string, key: Uint8Array): Buffer {
  const algorithm = Buffer.from(`300b06096086480165030403${arc}`, 'hex');
  const long = (tag: number, content: Buffer): Buffer => {
    const head = Buffer.of(tag, 0x82, 0, 0);
    head.writeUInt16BE(content.length, 2);
    return Buffer.concat([head, content]);
  };
  const bits = long(0x03, Buffer.concat([Buffer.of(0), key]));
  return long(0x30, Buffer.concat([algorithm, bits]));
}

function shake256(message: Buffer): Buffer {
  return createHash('shake256', { outputLength: 64 }).update(message).digest();
}

function changedAt(bytes: Buffer, at: number): Buffer {
  const copy = Buffer.from(bytes);
  copy[at] = (copy[at] ?? 0) ^ 1;
  return copy;
}
