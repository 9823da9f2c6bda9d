import { randomBytes } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { HsmError, openToken, type Token } from '../../hsm/index';
import { type ImportAlgorithm, type MaterialKind } from '../../hsm/types';
import { importAlgorithms, wrapMaterial } from '../support/imports';
import { makeMaterial, materialKinds } from '../support/materials';
import { readReport, type TokenReport, type Verdict } from '../../scripts/tokens/report';
import { type TokenUnderTest, tokenUnderTest } from '../support/token-under-test';
import { type KeyInToken, useCases } from '../support/token-uses';

/*
 * What AWS KMS has, tried on a token: SoftHSM by default, another one by scripts/test-token. A test passes where the token
 * does it right, as others judge it, and where Claviger says that the token cannot do it and names what it lacks. What is
 * served is written to a report; on SoftHSM the report must be the one in docs/tokens.
 */

let subject: TokenUnderTest;
let token: Token;
const verdicts: Verdict[] = [];
const made: { readonly id: string; readonly pair: boolean }[] = [];
const wrappingKeyId = randomBytes(32).toString('hex');
const importKeyId = randomBytes(32).toString('hex');
let importKey: Buffer | undefined;

beforeAll(async () => {
  subject = await tokenUnderTest();
  token = await openToken(subject.options);
});

afterAll(async () => {
  for (const { id, pair } of made) await (pair ? token.destroyKeyPair(id) : token.destroyKey(id));
  await token.close();
  await subject.remove();
  const file = process.env['CLAVIGER_TEST_TOKEN_REPORT'];
  if (file !== undefined) {
    const { name } = subject;
    const report: TokenReport = { name, verdicts };
    writeFileSync(file, `${JSON.stringify(report, undefined, 2)}\n`);
  }
});

/** The name of a new object of the token, which is destroyed in the end. */
function newName(pair: boolean): { readonly id: string; readonly label: string } {
  const id = randomBytes(32).toString('hex');
  made.push({ id, pair });
  return { id, label: 'claviger:test' };
}

/** Undefined where the token cannot do it, and it was said what it lacks. */
async function unlessMissing<T>(
  what: Omit<Verdict, 'served' | 'note'>,
  work: () => Promise<T>,
): Promise<T | undefined> {
  try {
    const result = await work();
    verdicts.push({ ...what, served: true, note: '' });
    return result;
  } catch (error) {
    if (!(error instanceof HsmError) || error.code !== 'mechanism-missing') throw error;
    expect(error.message).toMatch(/CKM_\w+|CKR_\w+|C_[A-Z]\w+/);
    verdicts.push({ ...what, served: false, note: error.message });
    return undefined;
  }
}

const places = {
  async resident(kind: MaterialKind) {
    const name = newName(isPair(kind));
    const { publicKey } = await token.generateKey(kind, name);
    return { id: name.id, wrapped: undefined, publicKey };
  },
  async wrapped(kind: MaterialKind) {
    if (!made.some(({ id }) => id === wrappingKeyId)) {
      made.push({ id: wrappingKeyId, pair: false });
      const label = 'claviger:wrapping:test';
      await token.createWrappingKey(wrappingKeyId, label, { exportable: false });
    }
    const { wrapped, publicKey } = await token.generateWrappedKey(kind, wrappingKeyId);
    return { id: randomBytes(32).toString('hex'), wrapped, publicKey };
  },
} as const;

function isPair({ spec }: MaterialKind): boolean {
  return spec !== 'SYMMETRIC_DEFAULT' && !spec.startsWith('HMAC_');
}

describe.each(['resident', 'wrapped'] as const)('%s material', (place) => {
  test.each(useCases.map((row) => ({ title: `${row.kind.spec} ${row.kind.usage}`, row })))(
    'does $title as others do it, or what lacks is named',
    async ({ row: { kind, cases } }) => {
      const what = { place, spec: kind.spec, usage: kind.usage };
      const key = await unlessMissing({ ...what, algorithm: '' }, async () => {
        await token.requireKind(kind);
        const { id, wrapped, publicKey } = await places[place](kind);
        return { token, publicKey, secret: undefined, key: { id, wrapped, kind } };
      });
      if (key === undefined) return;
      for (const { algorithm, prove } of cases) {
        await unlessMissing({ ...what, algorithm }, () => prove(key));
      }
    },
  );
});

/** The pair that wraps what is imported: one for all. */
async function importPair(): Promise<Buffer> {
  if (importKey !== undefined) return importKey;
  made.push({ id: importKeyId, pair: true });
  importKey = await token.generateImportKeyPair(importKeyId, 'claviger:test', { bits: 2048 });
  return importKey;
}

async function importMaterial(kind: MaterialKind, algorithm: ImportAlgorithm): Promise<KeyInToken> {
  const material = makeMaterial(kind);
  const encrypted = wrapMaterial(algorithm, await importPair(), material.bytes);
  const imported = {
    importKeyId,
    algorithm,
    encrypted,
    kind,
    keyId: randomBytes(16).toString('hex'),
  };
  const { id, publicKey } = await token.identifyImport(imported);
  made.push({ id, pair: isPair(kind) });
  await token.admitImport(imported, id, { label: 'claviger:test' });
  const secret = isPair(kind) ? undefined : material.bytes;
  expect(publicKey).toEqual(material.publicKey?.export({ format: 'der', type: 'spki' }));
  return { token, key: { id, wrapped: undefined, kind }, publicKey, secret };
}

const rowOf = ({ spec, usage }: MaterialKind) =>
  useCases.find(({ kind }) => kind.spec === spec && kind.usage === usage);

// AWS KMS has no key agreement on secp256k1.
const imports = materialKinds.filter(rowOf).flatMap((kind) => {
  const { spec, usage } = kind;
  // One OAEP block holds a secret of 64 bytes, and no private key.
  const possible = isPair(kind)
    ? importAlgorithms.filter((algorithm) => algorithm.startsWith('RSA_AES_KEY_WRAP'))
    : importAlgorithms;
  return possible.map((algorithm) => ({
    title: `${spec} ${usage} by ${algorithm}`,
    kind,
    algorithm,
  }));
});

test.each(imports)(
  'imports $title and does with it as OpenSSL does, or what lacks is named',
  async ({ kind, algorithm }) => {
    const what = { place: 'imported', spec: kind.spec, usage: kind.usage, algorithm } as const;
    await unlessMissing(what, async () => {
      // As CreateKey does, before anything can be imported.
      await token.requireKind(kind);
      const key = await importMaterial(kind, algorithm);
      for (const { prove } of rowOf(kind)?.cases ?? []) await prove(key);
    });
  },
);

test('the report of SoftHSM is the one in docs/tokens', () => {
  if (!subject.known) return;
  expect({ verdicts }).toEqual({ verdicts: readReport('softhsm2').verdicts });
});
