import { type Different, cborOf, pcr, signed } from '../support/attestation';
import { at, attester, documentOf, reasonOf } from './trial';

describe('A document', () => {
  const notBytes = (name: string): string => `${name} is not bytes, 1 to 1024 of them`;
  const index = 'a PCR has an index that is not 0 to 31';
  const badModule = 'module_id is not 1 to 256 visible ASCII characters';
  const badBundle = 'cabundle is not an array of 1 to 8';
  const one = (key: unknown, value: unknown): Different => ({ pcrs: new Map([[key, value]]) });

  test.each<[string, Different, string]>([
    ...[
      'module_id',
      'digest',
      'timestamp',
      'pcrs',
      'certificate',
      'cabundle',
      'public_key',
    ].flatMap((name): [string, Different, string][] => [
      [`without ${name}`, { [name]: undefined }, `${name} is missing`],
      [`with null for ${name}`, { [name]: null }, `${name} is missing`],
    ]),
    ['with a member that we do not know', { debug: 1 }, 'the document has a member that none has'],
    [
      'with the registers of both',
      { nitrotpm_pcrs: new Map([[4, pcr(4)]]) },
      'the document has a member that none has',
    ],
    ['with an empty module_id', { module_id: '' }, badModule],
    ['with a long module_id', { module_id: 'i'.repeat(257) }, badModule],
    ['with a line break in module_id', { module_id: 'i-1\n' }, badModule],
    ['with U+0000 in module_id', { module_id: 'i-\0' }, badModule],
    ['with a number for module_id', { module_id: 1 }, badModule],
    ['of SHA256', { digest: 'SHA256' }, 'digest is not SHA384'],
    ['of sha384', { digest: 'sha384' }, 'digest is not SHA384'],
    ['of no time', { timestamp: 0 }, 'timestamp is not a time'],
    ['of a time before 1970', { timestamp: -1 }, 'timestamp is not a time'],
    ['of a time that is text', { timestamp: at.toISOString() }, 'timestamp is not a time'],
    ['of a time that no Date can be', { timestamp: 8.64e15 + 1 }, 'timestamp is not a time'],
    [
      'of seconds',
      { timestamp: Math.floor(at.getTime() / 1000) },
      'the document is older than five minutes',
    ],
    ['with an array of PCRs', { pcrs: [pcr(0)] }, 'there are no PCRs'],
    ['with no PCR', { pcrs: new Map() }, 'there are no PCRs'],
    ['with PCR32', one(32, pcr(0)), index],
    ['with PCR-1', one(-1, pcr(0)), index],
    ['with a PCR by name', one('0', pcr(0)), index],
    ...[0, 31, 33, 47, 49, 63, 65].map((length): [string, Different, string] => [
      `with a PCR of ${length} bytes`,
      one(3, Buffer.alloc(length)),
      'PCR3 is not bytes, 32, 48 or 64 of them',
    ]),
    [
      'with a PCR in hexadecimal',
      one(3, '00'.repeat(48)),
      'PCR3 is not bytes, 32, 48 or 64 of them',
    ],
    ['with an empty certificate', { certificate: Buffer.alloc(0) }, notBytes('certificate')],
    ['with a long certificate', { certificate: Buffer.alloc(1025) }, notBytes('certificate')],
    ['with a text for a certificate', { certificate: 'x' }, notBytes('certificate')],
    ['with no authority', { cabundle: [] }, badBundle],
    ['with nine authorities', { cabundle: Array(9).fill(attester.authorities[0]!.der) }, badBundle],
    ['with one authority, and no list', { cabundle: attester.authorities[0]!.der }, badBundle],
    ['with an empty authority', { cabundle: [Buffer.alloc(0)] }, notBytes('cabundle')],
    ['with a long authority', { cabundle: [Buffer.alloc(1025)] }, notBytes('cabundle')],
    [
      'with much user data',
      { user_data: Buffer.alloc(1025) },
      'user_data is not bytes, 1024 of them at the most',
    ],
    [
      'with text for user data',
      { user_data: 'x' },
      'user_data is not bytes, 1024 of them at the most',
    ],
    [
      'with a long nonce',
      { nonce: Buffer.alloc(1025) },
      'nonce is not bytes, 1024 of them at the most',
    ],
    ['with an empty public key', { public_key: Buffer.alloc(0) }, notBytes('public_key')],
    ['with a long public key', { public_key: Buffer.alloc(1025) }, notBytes('public_key')],
  ])('%s is refused', async (_name, different, reason) => {
    expect(await reasonOf(documentOf(different))).toBe(reason);
  });

  test.each<[string, Buffer, string]>([
    ['that is no map', cborOf([1]), 'the document is not a map'],
    [
      'with a member twice',
      Buffer.from('a26161016161 02'.replace(' ', ''), 'hex'),
      'CBOR has a map with a key that is there twice',
    ],
    [
      'of an indefinite length',
      Buffer.from('bf616101ff', 'hex'),
      'CBOR has an indefinite or reserved length',
    ],
    ['with bytes behind it', Buffer.from('a000', 'hex'), 'CBOR has bytes after its end'],
    ['nested deeply', Buffer.alloc(16_384, 0x81), 'CBOR is nested too deeply'],
  ])('%s is refused', async (_name, payload, reason) => {
    expect(await reasonOf(signed(payload, attester.module))).toBe(reason);
  });
});
