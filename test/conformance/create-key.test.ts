import {
  CreateKeyCommand,
  type CreateKeyCommandInput,
  DescribeKeyCommand,
  type KMSClient,
} from '@aws-sdk/client-kms';
import { createPublicKey } from 'node:crypto';
import { openToken } from '../../hsm';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { administer } from '../support/postgres';
import { tokenOptions } from '../support/token-options';
import { badRequest, refused } from '../support/wire';

jest.setTimeout(60_000);

interface Kind {
  readonly spec: NonNullable<CreateKeyCommandInput['KeySpec']>;
  readonly usage: NonNullable<CreateKeyCommandInput['KeyUsage']>;
  /** What KeyMetadata lists, besides what it has of every key. */
  readonly lists: Readonly<Record<string, readonly string[]>>;
  /** Of a pair: what its public key is. */
  readonly publicKey?: string;
}

const mac = (bits: number): Kind => ({
  spec: `HMAC_${String(bits)}` as Kind['spec'],
  usage: 'GENERATE_VERIFY_MAC',
  lists: { MacAlgorithms: [`HMAC_SHA_${String(bits)}`] },
});
const rsaSigning = (bits: number): Kind => ({
  spec: `RSA_${String(bits)}` as Kind['spec'],
  usage: 'SIGN_VERIFY',
  publicKey: `rsa ${String(bits)}`,
  lists: {
    SigningAlgorithms: [
      'RSASSA_PKCS1_V1_5_SHA_256',
      'RSASSA_PKCS1_V1_5_SHA_384',
      'RSASSA_PKCS1_V1_5_SHA_512',
      'RSASSA_PSS_SHA_256',
      'RSASSA_PSS_SHA_384',
      'RSASSA_PSS_SHA_512',
    ],
  },
});
const rsaEncryption = (bits: number): Kind => ({
  ...rsaSigning(bits),
  usage: 'ENCRYPT_DECRYPT',
  lists: { EncryptionAlgorithms: ['RSAES_OAEP_SHA_1', 'RSAES_OAEP_SHA_256'] },
});
const nist = (bits: number, hash: number, curve: string): readonly Kind[] => {
  const of = { spec: `ECC_NIST_P${String(bits)}` as Kind['spec'], publicKey: `ec ${curve}` };
  const algorithm = `ECDSA_SHA_${String(hash)}`;
  return [
    { ...of, usage: 'SIGN_VERIFY', lists: { SigningAlgorithms: [algorithm] } },
    { ...of, usage: 'KEY_AGREEMENT', lists: { KeyAgreementAlgorithms: ['ECDH'] } },
  ];
};
const ed25519: Kind = {
  spec: 'ECC_NIST_EDWARDS25519',
  usage: 'SIGN_VERIFY',
  publicKey: 'ed25519 ',
  lists: { SigningAlgorithms: ['ED25519_SHA_512', 'ED25519_PH_SHA_512'] },
};

/** One RSA-4096 key a store: generating one takes seconds. */
const kinds: readonly Kind[] = [
  ...[224, 256, 384, 512].map(mac),
  ...[rsaSigning(2048), rsaEncryption(2048), rsaEncryption(3072), rsaSigning(4096)],
  ...nist(256, 256, 'prime256v1'),
  ...nist(384, 384, 'secp384r1'),
  ...nist(521, 512, 'secp521r1'),
  {
    spec: 'ECC_SECG_P256K1',
    usage: 'SIGN_VERIFY',
    publicKey: 'ec secp256k1',
    lists: { SigningAlgorithms: ['ECDSA_SHA_256'] },
  },
];

const stores = [
  { store: 'resident', served: [...kinds, ed25519] },
  { store: 'wrapped', served: kinds },
] as const;

describe.each(stores)('CreateKey in a $store store', ({ store, served }) => {
  let daemon: TestDaemon;
  let kms: KMSClient;
  beforeAll(async () => {
    daemon = await startDaemon({ environment: { CLAVIGER_KEY_MATERIAL: store } });
    kms = daemon.client();
  });
  afterAll(() => daemon.remove());

  test.each(served)('makes a key of $spec for $usage', async ({ spec, usage, ...kind }) => {
    const { KeyMetadata } = await kms.send(
      new CreateKeyCommand({ KeySpec: spec, KeyUsage: usage }),
    );
    const { KeyId = '', CreationDate, ...rest } = KeyMetadata!;
    expect(CreationDate).toBeInstanceOf(Date);
    expect(rest).toEqual({
      AWSAccountId: daemon.accountId,
      Arn: `arn:aws:kms:us-east-1:${daemon.accountId}:key/${KeyId}`,
      CustomerMasterKeySpec: spec,
      Description: '',
      Enabled: true,
      KeyManager: 'CUSTOMER',
      KeySpec: spec,
      KeyState: 'Enabled',
      KeyUsage: usage,
      MultiRegion: false,
      Origin: 'AWS_KMS',
      ...kind.lists,
    });
    expect((await kms.send(new DescribeKeyCommand({ KeyId }))).KeyMetadata).toEqual(KeyMetadata);
    const [material, second] = await materialsOf(KeyId);
    expect(second).toBeUndefined();
    expect(material).toMatchObject({ kind: store, state: 'CURRENT' });
    expect(describeKey(material?.public_key)).toBe(kind.publicKey);
  });

  const materialsOf = (keyId: string) =>
    administer<{ kind: string; state: string; public_key: Buffer | null }>(
      daemon.databaseUrl,
      'select kind, state, public_key from key_material where key_id = $1',
      [keyId],
    );

  test('leaves in the token what is there for good, and nothing to be destroyed later', async () => {
    const rows = await administer<{ material_id: string; key_id: string; key_spec: string }>(
      daemon.databaseUrl,
      `select m.material_id, m.key_id, k.key_spec from key_material m join kms_key k using (key_id)
       where m.kind = 'resident'`,
    );
    const wanted = rows.map(({ material_id: id, key_id: keyId, key_spec: spec }) => ({
      id,
      label: `claviger:key:${keyId}`,
      kind: spec.startsWith('HMAC_') ? 'secret-key' : 'key-pair',
    }));
    expect(wanted).toHaveLength(store === 'resident' ? served.length : 0);
    const token = await openToken(tokenOptions(daemon.token));
    const found = await token.listObjects('claviger:key:').finally(() => token.close());
    const byId = <T extends { readonly id: string }>(all: readonly T[]): T[] =>
      [...all].sort((one, other) => (one.id < other.id ? -1 : 1));
    expect(byId(found)).toEqual(byId(wanted));
    expect(await administer(daemon.databaseUrl, 'select from doomed_object')).toEqual([]);
  });

  if (store === 'wrapped') {
    test('names what the token lacks for a key that it could not wrap', async () => {
      const input = { KeySpec: 'ECC_NIST_EDWARDS25519', KeyUsage: 'SIGN_VERIFY' };
      expect(await refused(daemon, 'CreateKey', input)).toEqual(
        badRequest(
          'UnsupportedOperationException',
          'the token lacks CKM_AES_KEY_WRAP_PAD of ECC_NIST_EDWARDS25519 keys (C_WrapKey: CKR_KEY_NOT_WRAPPABLE)',
        ),
      );
    });
  }
});

/** What OpenSSL says of a public key: its type, and its curve or the length of its modulus. */
function describeKey(der: Buffer | null | undefined): string | undefined {
  if (der === null || der === undefined) return undefined;
  const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
  const { modulusLength, namedCurve } = key.asymmetricKeyDetails ?? {};
  return `${key.asymmetricKeyType ?? ''} ${String(namedCurve ?? modulusLength ?? '')}`;
}
