import {
  createECDH,
  createPublicKey,
  generateKeyPairSync,
  type KeyObject,
  randomBytes,
} from 'node:crypto';
import { peerPoint } from '../../src/keys/peer-point';
import { refusalOf } from '../support/refusal';

const curves = [
  {
    spec: 'ECC_NIST_P256',
    node: 'prime256v1',
    bytes: 32,
    oid: '06082a8648ce3d030107',
    prime: 'ffffffff00000001000000000000000000000000ffffffffffffffffffffffff',
  },
  {
    spec: 'ECC_NIST_P384',
    node: 'secp384r1',
    bytes: 48,
    oid: '06052b81040022',
    prime: `${'f'.repeat(63)}effffffff0000000000000000ffffffff`,
  },
  {
    spec: 'ECC_NIST_P521',
    node: 'secp521r1',
    bytes: 66,
    oid: '06052b81040023',
    prime: `01${'f'.repeat(130)}`,
  },
] as const;

type Curve = (typeof curves)[number];

const refused = { code: 'ValidationException', message: '' };
const ecPublicKey = '06072a8648ce3d0201';

/** DER of a tag, the length, and the parts. */
function der(tag: string, ...parts: readonly (Buffer | string)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => Buffer.from(part as string, 'hex')));
  const { length } = body;
  const long = length < 256 ? [0x81, length] : [0x82, length >> 8, length & 255];
  return Buffer.concat([
    Buffer.from(tag, 'hex'),
    Buffer.from(length < 128 ? [length] : long),
    body,
  ]);
}

function spki({ oid }: Pick<Curve, 'oid'>, point: Buffer, algorithm = ecPublicKey): Buffer {
  return der('30', der('30', algorithm, oid), der('03', '00', point));
}

function newPoint({ node }: Curve, form: 'uncompressed' | 'compressed' | 'hybrid'): Buffer {
  const pair = createECDH(node);
  pair.generateKeys();
  return pair.getPublicKey(null, form);
}

function exported(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

/** A point whose coordinates are these numbers. */
function pointAt({ bytes }: Curve, x: bigint, y: bigint): Buffer {
  const hex = (value: bigint) => value.toString(16).padStart(2 * bytes, '0');
  return Buffer.from(`04${hex(x)}${hex(y)}`, 'hex');
}

const outcome = (spec: Curve['spec'], publicKey: Buffer) =>
  refusalOf(() => peerPoint(spec, publicKey));

describe.each(curves)('The public key of a peer of $spec', (curve) => {
  const { spec, node, bytes, prime }: Curve = curve;
  const publicKey = exported(generateKeyPairSync('ec', { namedCurve: node }).publicKey);
  const point = publicKey.subarray(-1 - 2 * bytes);
  const p = BigInt(`0x${prime}`);

  test('is the point that OpenSSL wrote', () => {
    expect(spki(curve, point)).toEqual(publicKey);
    expect(peerPoint(spec, publicKey)).toEqual(point);
  });

  test('may be compressed, with either sign, and is not afterwards', () => {
    const signs = new Set<number>();
    while (signs.size < 2) {
      const own = newPoint(curve, 'uncompressed');
      const compressed = Buffer.concat([
        Buffer.of(2 + ((own.at(-1) ?? 0) & 1)),
        own.subarray(1, 1 + bytes),
      ]);
      signs.add(compressed[0] ?? 0);
      const written = spki(curve, compressed);
      expect(createPublicKey({ key: written, format: 'der', type: 'spki' }).type).toBe('public');
      expect(peerPoint(spec, written)).toEqual(own);
    }
  });

  test('is one of this curve', async () => {
    for (const one of curves) {
      if (one.spec === spec) continue;
      expect(await outcome(one.spec, publicKey)).toEqual(refused);
      // Another curve's name on this one's point, and this one's name on another's.
      expect(await outcome(one.spec, spki(one, point))).toEqual(refused);
      expect(await outcome(spec, spki(curve, newPoint(one, 'uncompressed')))).toEqual(refused);
    }
  });

  test('is on the curve', async () => {
    const x = BigInt(`0x${point.toString('hex', 1, 1 + bytes)}`);
    const y = BigInt(`0x${point.toString('hex', 1 + bytes)}`);
    const off = {
      'the origin': pointAt(curve, 0n, 0n),
      'another y': pointAt(curve, x, y ^ 1n),
      'another x': pointAt(curve, x ^ 1n, y),
      'no y': pointAt(curve, x, 0n),
      'coordinates exchanged': pointAt(curve, y, x),
      'the prime as x': pointAt(curve, p, y),
      'the prime as y': pointAt(curve, x, p),
      'the largest x': pointAt(curve, (1n << BigInt(8 * bytes)) - 1n, y),
      'the largest y': pointAt(curve, x, (1n << BigInt(8 * bytes)) - 1n),
      'random bytes': Buffer.concat([Buffer.of(4), randomBytes(2 * bytes)]),
    };
    for (const [name, bad] of Object.entries(off)) {
      expect([name, await outcome(spec, spki(curve, bad))]).toEqual([name, refused]);
    }
  });

  test('has coordinates below the prime, also where they stand for those of a point', async () => {
    // Small coordinates, which have a representation above the prime in as many bytes: only P-521's prime leaves much room.
    const half = (value: bigint) => value.toString(16).padStart(2 * bytes, '0');
    const small = [...Array(64).keys()].flatMap((x) => {
      const compressed = Buffer.from(`02${half(BigInt(x))}`, 'hex');
      try {
        return [{ x: BigInt(x), point: peerPoint(spec, spki(curve, compressed)) }];
      } catch {
        return [];
      }
    });
    expect(small.length).toBeGreaterThan(8);
    for (const { x, point: good } of small) {
      const y = BigInt(`0x${good.toString('hex', 1 + bytes)}`);
      expect(peerPoint(spec, spki(curve, pointAt(curve, x, y)))).toEqual(good);
      expect(await outcome(spec, spki(curve, pointAt(curve, x + p, y)))).toEqual(refused);
      const above = Buffer.from(`02${half(x + p)}`, 'hex');
      expect(await outcome(spec, spki(curve, above))).toEqual(refused);
    }
  });

  test('is not a compressed x that no point has', () => {
    const missing = [...Array(64).keys()].filter((x) => {
      const hex = x.toString(16).padStart(2 * bytes, '0');
      try {
        peerPoint(spec, spki(curve, Buffer.from(`03${hex}`, 'hex')));
        return false;
      } catch {
        return true;
      }
    });
    expect(missing.length).toBeGreaterThan(8);
  });

  test('is not the point at infinity, nor in another form', async () => {
    const coordinates = point.subarray(1);
    const hybrid = newPoint(curve, 'hybrid');
    for (const bad of [
      Buffer.alloc(0),
      Buffer.of(0),
      Buffer.of(4),
      Buffer.alloc(1 + bytes),
      Buffer.alloc(1 + 2 * bytes),
      hybrid,
      coordinates,
      point.subarray(0, -1),
      Buffer.concat([point, Buffer.of(0)]),
      Buffer.concat([Buffer.of(5), coordinates]),
      Buffer.concat([Buffer.of(4), coordinates.subarray(0, bytes)]),
      Buffer.concat([Buffer.of(2), coordinates]),
    ]) {
      expect(await outcome(spec, spki(curve, bad))).toEqual(refused);
    }
  });

  test('is DER, whole and alone', async () => {
    for (let length = 0; length < publicKey.length; length++) {
      expect(await outcome(spec, publicKey.subarray(0, length))).toEqual(refused);
    }
    const pem = generateKeyPairSync('ec', { namedCurve: node }).publicKey.export({
      format: 'pem',
      type: 'spki',
    });
    const algorithm = der('30', ecPublicKey, curve.oid);
    const content = Buffer.concat([algorithm, der('03', '00', point)]);
    const bad: Readonly<Record<string, Buffer>> = {
      'a byte too many': Buffer.concat([publicKey, Buffer.of(0)]),
      twice: Buffer.concat([publicKey, publicKey]),
      'up to the limit': Buffer.concat([publicKey, Buffer.alloc(8192 - publicKey.length)]),
      PEM: Buffer.from(pem),
      base64: Buffer.from(publicKey.toString('base64')),
      hex: Buffer.from(publicKey.toString('hex')),
      'a bare point': point,
      'a long length': Buffer.concat([
        Buffer.of(0x30, 0x82, content.length >> 8, content.length & 255),
        content,
      ]),
      'an indefinite length': Buffer.concat([Buffer.of(0x30, 0x80), content, Buffer.alloc(2)]),
      'unused bits': der('30', algorithm, der('03', '01', point)),
      'an octet string': der('30', algorithm, der('04', point)),
      'a third member': der('30', algorithm, der('03', '00', point), '0500'),
      'no parameters': der('30', der('30', ecPublicKey), der('03', '00', point)),
      'implicit parameters': der('30', der('30', ecPublicKey, '0500'), der('03', '00', point)),
      'id-ecDH': spki(curve, point, '06052b8104010c'),
      'id-ecMQV': spki(curve, point, '06052b8104010d'),
      'the algorithm RSA': spki(curve, point, '06092a864886f70d010101'),
      'the algorithm X25519': spki(curve, point, '06032b656e'),
    };
    for (const [name, one] of Object.entries(bad)) {
      expect([name, await outcome(spec, one)]).toEqual([name, refused]);
    }
  });

  test('has the name of its curve, and not its parameters', async () => {
    const { publicKey: explicit } = generateKeyPairSync('ec', {
      namedCurve: node,
      paramEncoding: 'explicit',
    });
    expect(exported(explicit).length).toBeGreaterThan(publicKey.length);
    expect(await outcome(spec, exported(explicit))).toEqual(refused);
  });

  test('counts in each byte before the point', async () => {
    for (let at = 0; at <= publicKey.length - point.length; at++) {
      for (const flip of [1, 2, 4, 8, 16, 32, 64, 128]) {
        const changed = Buffer.from(publicKey);
        changed[at] = (changed[at] ?? 0) ^ flip;
        expect([at, flip, await outcome(spec, changed)]).toEqual([at, flip, refused]);
      }
    }
  });
});

test.each([
  ['RSA', generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey],
  ['secp256k1', generateKeyPairSync('ec', { namedCurve: 'secp256k1' }).publicKey],
  ['P-224', generateKeyPairSync('ec', { namedCurve: 'secp224r1' }).publicKey],
  ['brainpoolP256r1', generateKeyPairSync('ec', { namedCurve: 'brainpoolP256r1' }).publicKey],
  ['X25519', generateKeyPairSync('x25519').publicKey],
  ['Ed25519', generateKeyPairSync('ed25519').publicKey],
])('A public key of %s is no peer', async (_, publicKey) => {
  for (const { spec } of curves) {
    expect(await outcome(spec, exported(publicKey))).toEqual(refused);
  }
});
