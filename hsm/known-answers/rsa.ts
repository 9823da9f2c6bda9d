import { constants, createHash, createPublicKey, publicEncrypt, verify } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { decrypt, sign } from '../calls';
import { HsmError } from '../errors';
import { ckm } from '../mechanisms';
import { oaepUnpad, type OaepHash } from '../oaep';
import { oaepHashes, oaepMechanism } from '../oaep-mechanism';
import type { Desk } from '../objects';
import { type KnownAnswer, requireAnswer } from './row';
import { type RsaKey, rsaKey } from './rsa-key';

const sizes = [2048, 3072, 4096] as const;
const message = Buffer.from('claviger known answer');

/** DER of DigestInfo up to the digest (RFC 8017 §9.2, note 1), and the PSS parameters. */
const hashes = {
  SHA_256: {
    node: 'sha256',
    prefix: '3031300d060960864801650304020105000420',
    ckm: pkcs11.CKM_SHA256,
    mgf: pkcs11.CKG_MGF1_SHA256,
    bytes: 32,
  },
  SHA_384: {
    node: 'sha384',
    prefix: '3041300d060960864801650304020205000430',
    ckm: pkcs11.CKM_SHA384,
    mgf: pkcs11.CKG_MGF1_SHA384,
    bytes: 48,
  },
  SHA_512: {
    node: 'sha512',
    prefix: '3051300d060960864801650304020305000440',
    ckm: pkcs11.CKM_SHA512,
    mgf: pkcs11.CKG_MGF1_SHA512,
    bytes: 64,
  },
} as const;

type Hash = (typeof hashes)[keyof typeof hashes];

function testPkcs1(desk: Desk, rsa: RsaKey, hash: Hash): string {
  const digest = createHash(hash.node).update(message).digest();
  const data = Buffer.concat([Buffer.from(hash.prefix, 'hex'), digest]);
  const signature = sign(desk, {
    key: rsa.privateKey,
    mechanism: { mechanism: ckm.RSA_PKCS },
    data,
  });
  requireAnswer(verify(hash.node, message, createPublicKey(rsa.pem), signature), 'C_Sign');
  return rsa.note;
}

function testPss(desk: Desk, rsa: RsaKey, hash: Hash): string {
  const parameter: pkcs11.RsaPSS = {
    type: pkcs11.CK_PARAMS_RSA_PSS,
    hashAlg: hash.ckm,
    mgf: hash.mgf,
    saltLen: hash.bytes,
  };
  const signature = sign(desk, {
    key: rsa.privateKey,
    mechanism: { mechanism: ckm.RSA_PKCS_PSS, parameter },
    data: createHash(hash.node).update(message).digest(),
  });
  const key = {
    key: createPublicKey(rsa.pem),
    padding: constants.RSA_PKCS1_PSS_PADDING,
    saltLength: hash.bytes,
  };
  requireAnswer(verify(hash.node, message, key, signature), 'C_Sign');
  return rsa.note;
}

/** Returns how the token serves it: by itself, or raw with the padding taken off in the daemon. */
function testOaep(desk: Desk, rsa: RsaKey, hash: OaepHash): string {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const data = publicEncrypt({ key: rsa.pem, padding, oaepHash: hash }, message);
  const request = { key: rsa.privateKey, data };
  try {
    const answer = decrypt(desk, { ...request, mechanism: oaepMechanism(hash) });
    requireAnswer(answer.equals(message), 'C_Decrypt');
    return rsa.note;
  } catch (error) {
    if (!(error instanceof HsmError)) throw error;
    const block = decrypt(desk, { ...request, mechanism: { mechanism: ckm.RSA_X_509 } });
    requireAnswer(oaepUnpad(block, hash)?.equals(message) === true, 'C_Decrypt');
    return `by CKM_RSA_X_509, padding removed outside the token (${error.message})`;
  }
}

/** Every size must pass; what differs between them is worth reading. */
function everySize(desk: Desk, test: (rsa: RsaKey) => string): string {
  const notes = new Set(sizes.map((bits) => test(rsaKey(desk, bits))));
  return [...notes].filter((note) => note !== '').join('; ');
}

export const rsaAnswers: readonly KnownAnswer[] = [
  ...sizes.map((bits) => ({
    name: `RSA_${String(bits)}`,
    mechanism: 'CKM_RSA_PKCS',
    test: (desk: Desk) => {
      return testPkcs1(desk, rsaKey(desk, bits), hashes.SHA_256);
    },
  })),
  ...Object.entries(hashes).map(([name, hash]) => ({
    name: `RSASSA_PKCS1_V1_5_${name}`,
    mechanism: 'CKM_RSA_PKCS',
    test: (desk: Desk) => everySize(desk, (rsa) => testPkcs1(desk, rsa, hash)),
  })),
  ...Object.entries(hashes).map(([name, hash]) => ({
    name: `RSASSA_PSS_${name}`,
    mechanism: 'CKM_RSA_PKCS_PSS',
    test: (desk: Desk) => everySize(desk, (rsa) => testPss(desk, rsa, hash)),
  })),
  ...(['sha1', 'sha256'] as const).map((hash) => ({
    name: `RSAES_OAEP_${oaepHashes[hash].name.replace('-', '_')}`,
    mechanism: 'CKM_RSA_PKCS_OAEP',
    test: (desk: Desk) => everySize(desk, (rsa) => testOaep(desk, rsa, hash)),
  })),
];
