import { randomBytes } from 'node:crypto';
import * as pkcs11 from 'pkcs11js';
import { findWays } from '../../hsm/import/ways';
import { Link } from '../../hsm/link';
import { assertHealthy, openSession } from '../../hsm/module';
import { type Pair, keepPrivateKey, preparePair, storePair } from '../../hsm/pairs/pair';
import type { PairContext, PairSpec } from '../../hsm/pairs/plans';
import { toBuffer } from '../../hsm/formats';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { type TokenObjects, tokenObjects } from '../support/token-objects';
import { tokenOptions } from '../support/token-options';

/** SoftHSM, whose C_CopyObject is that of another token. */
class OddCopies extends pkcs11.PKCS11 {
  copy: ((key: Buffer, template: pkcs11.Template) => Buffer) | undefined;

  override C_CopyObject(session: Buffer, key: Buffer, template: pkcs11.Template): Buffer {
    return this.copy === undefined
      ? super.C_CopyObject(session, key, template)
      : this.copy(key, template);
  }
}

const spec: PairSpec = { purpose: 'import', bits: 2048 };

let hsm: SoftHsm;
let link: Link;
let library: OddCopies;
let context: PairContext;
let objects: TokenObjects;
let pair: Pair;
let healthy: () => void;

beforeAll(async () => {
  hsm = await makeSoftHsm();
  link = new Link(tokenOptions(hsm), () => undefined);
  await link.connect(false);
  objects = tokenObjects(hsm);
  library = new OddCopies();
  library.load(hsm.module);
  const { ref } = link.live;
  const [slot, owner] = [toBuffer(ref.slot), toBuffer(ref.owner)];
  const session = openSession(library, slot);
  const ways = findWays((test) => test({ library, session }));
  context = {
    ...{ library, session, ways, softwareUnwrap: true, ivSource: 'random' },
    assertHealthy: () => healthy(),
  };
  healthy = () => assertHealthy(library, { slot, serial: ref.serial, owner });
  pair = preparePair(context, spec);
});
afterAll(async () => {
  await link.close();
  await hsm.remove();
});
beforeEach(() => {
  library.copy = undefined;
});

const store = (id: string): boolean =>
  storePair(
    context,
    { spec, pair },
    { id: Buffer.from(id, 'hex'), label: 'pair', modifiable: true },
  ) !== undefined;
const newId = (): string => randomBytes(32).toString('hex');

test('a copy in the token has the uses of the pair, and is protected as it is', () => {
  const id = newId();
  expect(store(id)).toBe(true);
  const flags = {
    token: pkcs11.CKA_TOKEN,
    private: pkcs11.CKA_PRIVATE,
    sensitive: pkcs11.CKA_SENSITIVE,
    alwaysSensitive: pkcs11.CKA_ALWAYS_SENSITIVE,
    neverExtractable: pkcs11.CKA_NEVER_EXTRACTABLE,
    extractable: pkcs11.CKA_EXTRACTABLE,
    decrypt: pkcs11.CKA_DECRYPT,
    unwrap: pkcs11.CKA_UNWRAP,
    sign: pkcs11.CKA_SIGN,
    derive: pkcs11.CKA_DERIVE,
  };
  expect(objects.flags(objects.one(id), flags)).toEqual({
    ...{ token: true, private: true, sensitive: true, alwaysSensitive: true },
    ...{ neverExtractable: true, extractable: false },
    ...{ decrypt: true, unwrap: true, sign: false, derive: false },
  });
});

test.each([
  'CKR_FUNCTION_NOT_SUPPORTED:84',
  'CKR_ACTION_PROHIBITED:27',
  'CKR_ATTRIBUTE_READ_ONLY:16',
  'CKR_TEMPLATE_INCONSISTENT:209',
  'CKR_GENERAL_ERROR:5',
])('a healthy token that answers %s copies no private keys', (answer) => {
  library.copy = () => {
    throw new Error(answer);
  };
  expect(keepPrivateKey(context, pair.privateKey, { spec, place: 'session' })).toBeUndefined();
  expect(store(newId())).toBe(false);
});

test('one in trouble is not taken for one that copies none', () => {
  const well = healthy;
  healthy = () => {
    throw new Error('the token is gone');
  };
  library.copy = () => {
    throw new Error('CKR_GENERAL_ERROR:5');
  };
  expect(() => store(newId())).toThrow('the token is gone');
  healthy = well;
  library.copy = () => {
    throw new Error('CKR_DEVICE_REMOVED:50');
  };
  expect(() => store(newId())).toThrow('C_CopyObject: CKR_DEVICE_REMOVED');
});

test('a copy that is less protected, or of other uses, is destroyed and not used', () => {
  const id = newId();
  library.copy = () => {
    objects.generateRsa(id);
    return objects.one(id);
  };
  expect(store(id)).toBe(false);
  expect(objects.find(id)).toEqual([]);
});

test('a copy of another key, or one that is not in the token, is destroyed and an error', () => {
  const other = preparePair(context, spec);
  const id = newId();
  const { C_CopyObject: copy } = pkcs11.PKCS11.prototype;
  library.copy = (_, template) => copy.call(library, context.session, other.privateKey, template);
  expect(() => store(id)).toThrow(/^C_Decrypt: /u);
  library.copy = (key) =>
    copy.call(library, context.session, key, [{ type: pkcs11.CKA_TOKEN, value: false }]);
  expect(() => store(id)).toThrow('C_CopyObject: the copy is no token object');
  expect(objects.find(id)).toEqual([]);
});
