import { associatedData, ciphertextHeader } from '../../src/keys/ciphertext';
import { xksAssociatedData } from '../../src/xks/associated-data';

const metadata = Buffer.from('key_version=1');

test('The associated data are both parts with their lengths, as the specification writes them', () => {
  const whole = xksAssociatedData(Buffer.from('project=nile'), metadata);
  expect(whole.toString('latin1')).toBe('\x00\x0cproject=nile\x0dkey_version=1');
  expect([...xksAssociatedData(Buffer.alloc(0), Buffer.alloc(0))]).toEqual([0, 0, 0]);
});

test('A byte that moves from the AAD to the metadata makes other associated data', () => {
  const one = xksAssociatedData(Buffer.from('ab'), Buffer.from('c'));
  const other = xksAssociatedData(Buffer.from('a'), Buffer.from('bc'));
  expect(one.equals(other)).toBe(false);
});

/*
 * One key may be used by AWS KMS through the XKS proxy and by our own callers through KMS Encrypt. Neither may have what
 * the other's made decrypted: their associated data have to differ, whatever the callers choose.
 */
test('No associated data of an XKS ciphertext are those of a KMS ciphertext of the same key', () => {
  const header = ciphertextHeader('00000000-0000-4000-8000-000000000001', 'ab'.repeat(32));
  const ofKms = associatedData(header, Buffer.alloc(32));
  // All that an XKS caller chooses is the AAD, and the metadata of a ciphertext of ours have 17 bytes.
  const ofXks = xksAssociatedData(Buffer.alloc(ofKms.length - 3 - 17), Buffer.alloc(17));
  expect(ofXks).toHaveLength(ofKms.length);
  // Of that length the first byte is the high one of a length below 256, and that of a KMS ciphertext its version.
  expect(ofKms.length).toBeLessThan(256);
  expect([ofXks[0], ofKms[0]]).toEqual([0, 1]);
});
