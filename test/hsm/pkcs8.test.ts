import { createPrivateKey, createPublicKey, generateKeyPairSync } from 'node:crypto';
import { type Curve, curves } from '../../hsm/curves';
import { privateKeyInfo } from '../../hsm/pairs/pkcs8';

const pkcs8 = { format: 'der', type: 'pkcs8' } as const;
const all = Object.entries<Curve>(curves);

/** What tokens unwrap to: OpenSSL writes the point where it knows it, as of what it has made. */
function pairOn(curve: Curve) {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve.node });
  return { der: privateKey.export(pkcs8), privateKey, publicKey };
}

test.each(all)('a private key of %s with its point stays as it is', (_spec, curve) => {
  const { der, publicKey } = pairOn(curve);
  expect(privateKeyInfo(der, { publicKey, curve })).toEqual(der);
});

test.each(all)('a private key of %s without its point is given it', (_spec, curve) => {
  const { der, privateKey, publicKey } = pairOn(curve);
  const { d = '' } = privateKey.export({ format: 'jwk' });
  expect(privateKeyInfo(bare(Buffer.from(d, 'base64url'), curve), { publicKey, curve })).toEqual(
    der,
  );
});

test.each(all)('a private key of %s is refused with the point of another', (_spec, curve) => {
  const { der } = pairOn(curve);
  const { publicKey } = pairOn(curve);
  expect(() => privateKeyInfo(der, { publicKey, curve })).toThrow(
    'C_WrapKey: the private key is not that of the public key',
  );
});

/** PrivateKeyInfo with an ECPrivateKey of version and d alone. */
function bare(d: Buffer, { oid }: Curve): Buffer {
  const scalar = Buffer.concat([Buffer.of(0x04, d.length), d]);
  const key = element(0x30, Buffer.concat([Buffer.of(2, 1, 1), scalar]));
  const algorithm = element(0x30, Buffer.from(`06072a8648ce3d0201${oid}`, 'hex'));
  const info = element(0x30, Buffer.concat([Buffer.of(2, 1, 0), algorithm, element(0x04, key)]));
  expect(createPublicKey(createPrivateKey({ key: info, ...pkcs8 }))).toBeDefined();
  return info;
}

function element(tag: number, content: Buffer): Buffer {
  return Buffer.concat([Buffer.of(tag, content.length), content]);
}
