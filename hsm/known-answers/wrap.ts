import { createCipheriv } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { HsmError } from '../errors';
import { ckm } from '../mechanisms';
import type { Handle } from '../module';
import type { Desk } from '../objects';
import { call } from '../return-values';
import { type Attributes, create, type KnownAnswer, requireAnswer, template } from './row';

const kek = Buffer.alloc(32, 0x42);
const evenMaterial = Buffer.alloc(32, 0x17);
/** Not a multiple of 8, so that the padding shows. */
const oddMaterial = Buffer.alloc(20, 0x17);
const longestWrapped = 64;

function wrapped(desk: Desk, mechanism: number, keys: { kek: Handle; material: Handle }): Buffer {
  return call('C_WrapKey', () =>
    desk.library.C_WrapKey(
      desk.session,
      { mechanism },
      keys.kek,
      keys.material,
      Buffer.alloc(longestWrapped),
    ),
  );
}

const common: Attributes = [
  [pkcs11.CKA_CLASS, pkcs11.CKO_SECRET_KEY],
  [pkcs11.CKA_TOKEN, false],
];

function importWrappingKey(desk: Desk): Handle {
  const attributes: Attributes = [
    [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_AES],
    [pkcs11.CKA_VALUE, kek],
    [pkcs11.CKA_WRAP, true],
  ];
  return create(desk, template([...common, ...attributes]));
}

function importMaterial(desk: Desk, value: Buffer): Handle {
  const attributes: Attributes = [
    [pkcs11.CKA_KEY_TYPE, pkcs11.CKK_GENERIC_SECRET],
    [pkcs11.CKA_VALUE, value],
    [pkcs11.CKA_EXTRACTABLE, true],
  ];
  return create(desk, template([...common, ...attributes]));
}

/** RFC 5649 as OpenSSL does it. */
function expected(material: Buffer): Buffer {
  const cipher = createCipheriv('id-aes256-wrap-pad', kek, Buffer.from('a65959a6', 'hex'));
  return Buffer.concat([cipher.update(material), cipher.final()]);
}

/**
 * CKM_AES_KEY_WRAP_PAD is PKCS#7 padding in NSS; in SoftHSM 2.6.1 it is RFC 5649 for lengths that are multiples of 8,
 * and otherwise pads with zeros that it counts as material. The answers decide, not the name.
 */
const candidates = [
  ['CKM_AES_KEY_WRAP_KWP', ckm.AES_KEY_WRAP_KWP],
  ['CKM_AES_KEY_WRAP_PAD', ckm.AES_KEY_WRAP_PAD],
] as const;

function test(desk: Desk): string {
  const wrappingKey = importWrappingKey(desk);
  const isRight = (mechanism: number, material: Buffer): boolean => {
    const keys = { kek: wrappingKey, material: importMaterial(desk, material) };
    return wrapped(desk, mechanism, keys).equals(expected(material));
  };
  const refusals: string[] = [];
  for (const [name, mechanism] of candidates) {
    try {
      requireAnswer(isRight(mechanism, evenMaterial), 'C_WrapKey');
      const limit = isRight(mechanism, oddMaterial) ? '' : ', for multiples of 8 bytes only';
      return `by ${name}${limit}`;
    } catch (error) {
      if (!(error instanceof HsmError)) throw error;
      refusals.push(`${name}: ${error.message}`);
    }
  }
  throw new HsmError('mechanism-missing', refusals.join('; '));
}

export const wrapAnswers: readonly KnownAnswer[] = [
  { name: 'RFC_5649_KEY_WRAP', mechanism: 'CKM_AES_KEY_WRAP_KWP', test },
];
