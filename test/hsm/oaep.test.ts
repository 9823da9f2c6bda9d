import { constants, generateKeyPairSync, privateDecrypt, publicEncrypt } from 'node:crypto';
import { oaepUnpad, type OaepHash } from '../../hsm/oaep';

const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 });

/** The padded block, as a token answers CKM_RSA_X_509. */
function padded(message: Buffer, hash: OaepHash): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const sealed = publicEncrypt({ key: publicKey, padding, oaepHash: hash }, message);
  return privateDecrypt({ key: privateKey, padding: constants.RSA_NO_PADDING }, sealed);
}

describe.each<[OaepHash, number]>([
  ['sha1', 214],
  ['sha256', 190],
])('%s', (hash, longest) => {
  test.each([0, 1, 32, longest])('finds a message of %i bytes', (length) => {
    const message = Buffer.alloc(length, 1);
    expect(oaepUnpad(padded(message, hash), hash)).toEqual(message);
  });

  test('refuses a block with any one byte changed', () => {
    const block = padded(Buffer.from('message'), hash);
    const hashBytes = hash === 'sha1' ? 20 : 32;
    for (let index = 0; index < 1 + 2 * hashBytes; index += 1) {
      const changed = Buffer.from(block);
      changed.writeUInt8(changed.readUInt8(index) ^ 0x80, index);
      expect(oaepUnpad(changed, hash)).toBeUndefined();
    }
  });

  test('refuses the padding of another hash', () => {
    const other = hash === 'sha1' ? 'sha256' : 'sha1';
    expect(oaepUnpad(padded(Buffer.from('message'), other), hash)).toBeUndefined();
  });
});

test('refuses a block that is too short to hold anything', () => {
  expect(oaepUnpad(Buffer.alloc(41), 'sha1')).toBeUndefined();
});
