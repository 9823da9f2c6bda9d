import { createHmac, randomBytes } from 'node:crypto';
import type { MaterialKey, Token } from '../../hsm';
import { generateMac } from '../../src/operations/generate-mac';
import { verifyMac } from '../../src/operations/verify-mac';
import { perform } from '../support/perform';
import { refusalOf } from '../support/refusal';
import { keyWith } from '../support/sample-keys';

const secret = randomBytes(32);
const key = keyWith({ keySpec: 'HMAC_256', keyUsage: 'GENERATE_VERIFY_MAC' });
const Message = Buffer.from('a message');
const mac = createHmac('sha256', secret).update(Message).digest();
const algorithm = { MacAlgorithm: 'HMAC_SHA_256' } as const;

let computed: Buffer[] = [];
let asked: MaterialKey[] = [];
const token: Partial<Token> = {
  mac: (material, message) => {
    const made = createHmac('sha256', secret).update(message).digest();
    computed.push(made);
    asked.push(material);
    return made;
  },
};
beforeEach(() => {
  computed = [];
  asked = [];
});

const verify = (Mac: Buffer, more: object = {}) =>
  perform(verifyMac, { key, token, input: { ...algorithm, Message, Mac, ...more } });

const invalid = { code: 'KMSInvalidMacException', message: '' };

test('the token is told the key, its spec and its usage', async () => {
  const { KeyId, Mac } = await perform(generateMac, {
    ...{ key, token },
    input: { ...algorithm, Message },
  });
  expect([KeyId, Mac]).toEqual([key.arn, mac]);
  expect(asked).toEqual([
    {
      ...{ id: key.currentMaterial?.id, wrapped: undefined },
      kind: { spec: 'HMAC_256', usage: 'GENERATE_VERIFY_MAC' },
    },
  ]);
});

test('the right MAC is valid, and any other bit, byte or length is not', async () => {
  expect(await verify(mac)).toEqual({ ...algorithm, KeyId: key.arn, MacValid: true });
  for (let bit = 0; bit < 8 * mac.length; bit++) {
    const other = Buffer.from(mac);
    other[bit >> 3] = (other[bit >> 3] ?? 0) ^ (1 << (bit & 7));
    expect(await refusalOf(() => verify(other))).toEqual(invalid);
  }
  for (let length = 0; length < mac.length; length++) {
    expect(await refusalOf(() => verify(mac.subarray(0, length)))).toEqual(invalid);
  }
  for (const longer of [Buffer.concat([mac, Buffer.of(0)]), Buffer.concat([mac, mac])]) {
    expect(await refusalOf(() => verify(longer))).toEqual(invalid);
  }
});

test('the MAC that was computed to compare is forgotten, whatever came of it', async () => {
  await verify(mac);
  await refusalOf(() => verify(Buffer.alloc(32, 1)));
  await refusalOf(() => verify(Buffer.alloc(31, 1)));
  expect(computed).toEqual(Array(3).fill(Buffer.alloc(32)));
});

test('a dry run says whether the MAC is valid', async () => {
  const dry = { DryRun: true };
  expect(await refusalOf(() => verify(mac, dry))).toEqual({
    code: 'DryRunOperationException',
    message: 'The request would have succeeded, but the DryRun option is set.',
  });
  expect(await refusalOf(() => verify(Buffer.alloc(32), dry))).toEqual(invalid);
});

test.each(['HMAC_SHA_224', 'HMAC_SHA_384', 'HMAC_SHA_512'] as const)(
  '%s is no algorithm of the key, and the token is not asked',
  async (MacAlgorithm) => {
    const refused = {
      code: 'InvalidKeyUsageException',
      message: `Algorithm ${MacAlgorithm} is incompatible with key spec HMAC_256.`,
    };
    expect(await refusalOf(() => verify(mac, { MacAlgorithm }))).toEqual(refused);
    const input = { MacAlgorithm, Message };
    expect(await refusalOf(() => perform(generateMac, { key, token, input }))).toEqual(refused);
    expect(asked).toEqual([]);
  },
);

test('a dry run of GenerateMac asks the token nothing', async () => {
  const input = { ...algorithm, Message, DryRun: true };
  expect((await refusalOf(() => perform(generateMac, { key, token, input }))).code).toBe(
    'DryRunOperationException',
  );
  expect(asked).toEqual([]);
});
