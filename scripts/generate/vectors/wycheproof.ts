import { createPublicKey } from 'node:crypto';

/** One file of vectors, as it is kept. */
export interface Cut {
  readonly source: string;
  readonly [about: string]: unknown;
  readonly groups: readonly Group[];
}

export interface Group {
  readonly [member: string]: unknown;
  readonly tests: readonly Readonly<Record<string, unknown>>[];
}

interface Source {
  readonly algorithm: string;
  readonly schema: string;
  readonly notes?: Readonly<Record<string, { readonly description?: string }>>;
  readonly testGroups: readonly Group[];
}

type Wanted = (group: Group) => boolean;

interface Kind {
  /** Members that stay. */
  readonly group: readonly string[];
  readonly test: readonly string[];
  readonly wanted?: Wanted;
}

const one =
  (member: string, ...values: readonly unknown[]): Wanted =>
  (group) =>
    values.includes(group[member]);

const keySizes = [2048, 3072, 4096] as const;

const rsaKey = ['keySize', 'sha', 'publicKeyDer'];
const signature = ['msg', 'sig'];
const kinds = {
  pss: { group: [...rsaKey, 'mgfSha', 'sLen'], test: signature },
  /** One group for each pair of hashes and length of salt. */
  pssMisc: {
    group: [...rsaKey, 'mgfSha', 'sLen'],
    test: signature,
    wanted: one('sha', 'SHA-256', 'SHA-384', 'SHA-512'),
  },
  pkcs1: { group: rsaKey, test: signature },
  ecdsa: { group: ['sha', 'publicKeyDer'], test: signature },
  eddsa: { group: ['publicKeyDer'], test: signature },
  mlDsa: { group: ['publicKey', 'publicKeyDer'], test: [...signature, 'ctx'] },
  mlKem: { group: ['parameterSet'], test: ['dk', 'c', 'K'] },
  ecdh: { group: ['curve', 'encoding'], test: ['public', 'private', 'shared'] },
  oaep: { group: ['keySize', 'sha', 'mgfSha', 'privateKeyPkcs8'], test: ['msg', 'ct', 'label'] },
  oaepMisc: {
    group: ['keySize', 'sha', 'mgfSha', 'privateKeyPkcs8'],
    test: ['msg', 'ct', 'label'],
    wanted: (group) =>
      one('keySize', ...keySizes)(group) &&
      one('sha', 'SHA-1', 'SHA-256')(group) &&
      group['sha'] === group['mgfSha'],
  },
} as const satisfies Record<string, Kind>;

/** Keys of the length that AWS KMS has for the hash. */
const mac = (keySize: number): Kind => ({
  group: ['keySize', 'tagSize'],
  test: ['key', 'msg', 'tag'],
  wanted: one('keySize', keySize),
});

const files: Readonly<Record<string, Kind>> = {
  rsa_pss_2048_sha256_mgf1_32_params: kinds.pss,
  rsa_pss_2048_sha384_mgf1_48: kinds.pss,
  rsa_pss_3072_sha256_mgf1_32: kinds.pss,
  rsa_pss_4096_sha512_mgf1_64: kinds.pss,
  rsa_pss_misc: kinds.pssMisc,
  rsa_signature_2048_sha256: kinds.pkcs1,
  rsa_signature_3072_sha384: kinds.pkcs1,
  rsa_signature_4096_sha512: kinds.pkcs1,
  rsa_oaep_2048_sha1_mgf1sha1: kinds.oaep,
  rsa_oaep_2048_sha256_mgf1sha1: kinds.oaep,
  rsa_oaep_2048_sha256_mgf1sha256: kinds.oaep,
  rsa_oaep_3072_sha256_mgf1sha256: kinds.oaep,
  rsa_oaep_4096_sha256_mgf1sha256: kinds.oaep,
  rsa_oaep_misc: kinds.oaepMisc,
  ecdsa_secp256r1_sha256: kinds.ecdsa,
  ecdsa_secp384r1_sha384: kinds.ecdsa,
  ecdsa_secp521r1_sha512: kinds.ecdsa,
  ecdsa_secp256k1_sha256: kinds.ecdsa,
  ed25519: kinds.eddsa,
  ecdh_secp256r1: kinds.ecdh,
  ecdh_secp384r1: kinds.ecdh,
  ecdh_secp521r1: kinds.ecdh,
  hmac_sha224: mac(224),
  hmac_sha256: mac(256),
  hmac_sha384: mac(384),
  hmac_sha512: mac(512),
  mldsa_44_verify: kinds.mlDsa,
  mldsa_65_verify: kinds.mlDsa,
  mldsa_87_verify: kinds.mlDsa,
  mlkem_512_semi_expanded_decaps: kinds.mlKem,
  mlkem_768_semi_expanded_decaps: kinds.mlKem,
  mlkem_1024_semi_expanded_decaps: kinds.mlKem,
};

export const wycheproofFiles = Object.entries(files).map(([name, kind]) => ({
  file: `${name}_test.json`,
  cut: (text: string): Cut => cutDown(`${name}_test.json`, JSON.parse(text) as Source, kind),
}));

function cutDown(source: string, given: Source, { group, test, wanted = () => true }: Kind): Cut {
  const groups = given.testGroups.filter(wanted).map((each) => ({
    ...pick({ ...each, ...plainRsaKey(each) }, group),
    tests: each.tests.map((one) => pick(one, ['tcId', 'comment', 'flags', ...test, 'result'])),
  }));
  const flags = new Set(groups.flatMap(({ tests }) => tests.flatMap((each) => each['flags'])));
  return {
    ...{ source, algorithm: given.algorithm, schema: given.schema },
    flags: Object.fromEntries(
      Object.entries(given.notes ?? {})
        .filter(([flag]) => flags.has(flag))
        .map(([flag, { description = '' }]) => [flag, description]),
    ),
    groups,
  };
}

/** Some keys are said to be for RSASSA-PSS with certain parameters alone, which no key of AWS KMS says of itself. */
function plainRsaKey({ publicKeyAsn: key }: Group): object {
  if (typeof key !== 'string') return {};
  const publicKey = createPublicKey({ key: Buffer.from(key, 'hex'), format: 'der', type: 'pkcs1' });
  return { publicKeyDer: publicKey.export({ format: 'der', type: 'spki' }).toString('hex') };
}

/** What is neither bytes nor a number. */
const words = ['comment', 'flags', 'result', 'sha', 'mgfSha', 'curve', 'encoding', 'parameterSet'];

/** Bytes are hex in Wycheproof, and base64 here, which takes two thirds of it. */
function pick(
  from: Readonly<Record<string, unknown>>,
  members: readonly string[],
): Readonly<Record<string, unknown>> {
  const picked = Object.entries(from).filter(([member]) => members.includes(member));
  return Object.fromEntries(
    picked.map(([member, value]) => [
      member,
      typeof value === 'string' && !words.includes(member) ? base64OfHex(value) : value,
    ]),
  );
}

/** Throws for what is not hex, so that no byte is lost. */
export function base64OfHex(hex: string): string {
  const bytes = Buffer.from(hex, 'hex');
  if (bytes.toString('hex') !== hex.toLowerCase()) throw new Error(`not hex: ${hex}`);
  return bytes.toString('base64');
}
