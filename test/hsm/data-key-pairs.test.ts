import {
  createECDH,
  createPrivateKey,
  createPublicKey,
  type KeyObject,
  sign,
  verify,
} from 'node:crypto';
import { DataKeyPairs } from '../../hsm/data-key-pairs';
import { HsmError } from '../../hsm/errors';
import type { DataKeyPair, DataKeyPairSpec } from '../../hsm/index';
import type { TaskName } from '../../hsm/lane-tasks';
import { Link } from '../../hsm/link';
import { mostOfOne, SlowTurn } from '../../hsm/slow-turn';
import { intruder } from '../support/intruder';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

/** A token as it is, but for what a test makes of its answers. */
let hsm: SoftHsm;
let link: Link;
let pairs: DataKeyPairs;
let slow: SlowTurn;
let told: string[];
let ways: ('token' | 'OpenSSL')[];
/** Thrown in place of what the token would answer. */
let fault: HsmError | undefined;

beforeAll(async () => {
  hsm = await makeSoftHsm();
  link = new Link(tokenOptions(hsm), () => undefined);
  await link.connect(false);
});
afterAll(async () => {
  await link.close();
  await hsm.remove();
});

beforeEach(() => {
  [told, ways, fault, slow] = [[], [], undefined, new SlowTurn()];
  pairs = new DataKeyPairs({
    options: { onEvent: ({ level, message }) => void told.push(`${level} ${message}`) },
    slow,
    link: {
      get live() {
        return link.live;
      },
      run: (task, args, options) => {
        const inToken = 'wrapping' in (args as object) && isInToken(task, args);
        ways.push(inToken ? 'token' : 'OpenSSL');
        return inToken && fault !== undefined
          ? Promise.reject(fault)
          : link.run(task, args, options);
      },
    },
  });
});

function isInToken(task: TaskName, args: unknown): boolean {
  return task === 'generateDataPair' && (args as { wrapping: unknown }).wrapping !== undefined;
}

const curves = {
  ECC_NIST_P256: 'prime256v1',
  ECC_NIST_P384: 'secp384r1',
  ECC_NIST_P521: 'secp521r1',
  ECC_SECG_P256K1: 'secp256k1',
} as const;

interface Parsed {
  readonly privateKey: KeyObject;
  readonly publicKey: KeyObject;
}

function parse(pair: DataKeyPair): Parsed {
  return {
    privateKey: createPrivateKey({ key: pair.privateKey, format: 'der', type: 'pkcs8' }),
    publicKey: createPublicKey({ key: pair.publicKey, format: 'der', type: 'spki' }),
  };
}

/** The bytes are those that OpenSSL writes of the same keys, and the halves belong to each other. */
function requirePair(pair: DataKeyPair): Parsed {
  const { privateKey, publicKey } = parse(pair);
  expect(privateKey.export({ format: 'der', type: 'pkcs8' })).toEqual(pair.privateKey);
  expect(publicKey.export({ format: 'der', type: 'spki' })).toEqual(pair.publicKey);
  expect(createPublicKey(privateKey).equals(publicKey)).toBe(true);
  const hash = publicKey.asymmetricKeyType === 'ed25519' ? null : 'sha256';
  const message = Buffer.from('attack at dawn');
  expect(verify(hash, message, publicKey, sign(hash, message, privateKey))).toBe(true);
  return { privateKey, publicKey };
}

test.each(Object.entries(curves) as [keyof typeof curves, string][])(
  'a pair of %s comes from the token, with its curve by name and its public point',
  async (spec, namedCurve) => {
    const pair = await pairs.generate(spec);
    const { privateKey, publicKey } = requirePair(pair);
    expect(privateKey.asymmetricKeyDetails).toEqual({ namedCurve });
    const { d = '', x = '', y = '' } = privateKey.export({ format: 'jwk' });
    expect(publicKey.export({ format: 'jwk' })).toMatchObject({ x, y });
    const ecdh = createECDH(namedCurve);
    ecdh.setPrivateKey(d, 'base64url');
    const bare = pair.privateKey.includes(ecdh.getPublicKey());
    expect([bare, ways, told]).toEqual([true, ['token'], []]);
  },
);

test('a pair of RSA_2048 comes from the token', async () => {
  const { publicKey } = requirePair(await pairs.generate('RSA_2048'));
  expect(publicKey.asymmetricKeyDetails).toEqual({ modulusLength: 2048, publicExponent: 65537n });
  expect([ways, told]).toEqual([['token'], []]);
});

test('a pair that the token does not hand out is OpenSSL’s, which is told once', async () => {
  for (const pair of [
    await pairs.generate('ECC_NIST_EDWARDS25519'),
    await pairs.generate('ECC_NIST_EDWARDS25519'),
  ]) {
    expect(requirePair(pair).publicKey.asymmetricKeyType).toBe('ed25519');
  }
  expect(ways).toEqual(['token', 'OpenSSL', 'OpenSSL']);
  expect(told).toEqual([
    'info OpenSSL generates data key pairs of ECC_NIST_EDWARDS25519: the token lacks CKM_AES_KEY_WRAP_PAD of ECC_NIST_EDWARDS25519 keys (C_WrapKey: CKR_KEY_NOT_WRAPPABLE)',
  ]);
});

test.each(['RSA_2048', 'ECC_NIST_P384', 'ECC_SECG_P256K1'] as const)(
  'OpenSSL’s pair of %s has the form of the token’s',
  async (spec) => {
    fault = new HsmError('mechanism-missing', 'no');
    const [ours, theirs] = [parse(await pairs.generate(spec)), await fromToken(spec)];
    expect(ways).toEqual(['token', 'OpenSSL', 'token']);
    expect(ours.privateKey.asymmetricKeyDetails).toEqual(theirs.privateKey.asymmetricKeyDetails);
    expect(ours.publicKey.asymmetricKeyDetails).toEqual(theirs.publicKey.asymmetricKeyDetails);
  },
);

async function fromToken(spec: DataKeyPairSpec): Promise<Parsed> {
  fault = undefined;
  await link.recovery.now();
  return requirePair(await pairs.generate(spec));
}

test('a token that did it once and does it no more is at fault', async () => {
  await pairs.generate('ECC_NIST_P256');
  fault = new HsmError('mechanism-missing', 'C_WrapKey: CKR_MECHANISM_INVALID');
  await expect(pairs.generate('ECC_NIST_P256')).rejects.toMatchObject({
    code: 'failed',
    message: 'C_WrapKey: CKR_MECHANISM_INVALID',
  });
  expect([ways, told]).toEqual([['token', 'token'], []]);
});

test('a token in trouble is not taken for one that hands out no pairs', async () => {
  fault = new HsmError('token-unavailable', 'C_WrapKey: CKR_DEVICE_REMOVED');
  await expect(pairs.generate('ECC_NIST_P256')).rejects.toBe(fault);
  expect([ways, told]).toEqual([['token'], []]);
});

test('nothing of a pair stays in the token', async () => {
  await pairs.generate('ECC_NIST_P521');
  await pairs.generate('RSA_2048');
  const other = intruder(hsm);
  expect([other.all({ token: true }), other.all({ token: false })]).toEqual([[], []]);
});

test('a pair of a curve waits for no RSA pair, and too many of those are refused', async () => {
  let release = (): void => undefined;
  const held = new Promise<void>((resolve) => (release = resolve));
  const holding = slow.take('keys', () => held);
  const waiting = Array.from({ length: mostOfOne }, () =>
    slow.take('data-key-pairs', () => Promise.resolve()),
  );
  await pairs.generate('ECC_NIST_P256');
  await expect(pairs.generate('RSA_4096')).rejects.toMatchObject({
    code: 'busy',
    message: 'too many key pairs are waiting to be generated',
  });
  release();
  await Promise.all([holding, ...waiting]);
  requirePair(await pairs.generate('RSA_2048'));
});
