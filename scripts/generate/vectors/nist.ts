import { createPublicKey } from 'node:crypto';
import { base64OfHex, type Cut, type Group } from './wycheproof';

/** A file of NIST's CAVP: `[parameters]` and `name = value`, a record ending where the next begins. */
interface Section {
  readonly parameters: string;
  readonly records: readonly Readonly<Record<string, string>>[];
}

interface NistFile {
  readonly file: string;
  readonly source: string;
  readonly cut: (text: string) => Cut;
}

export const nistFiles: readonly NistFile[] = [
  {
    file: 'rsa_pkcs1_sigver_186-3.json',
    source: 'RSA/FIPS_186-2/SigVer15_186-3.rsp',
    cut: (text) => cutDown('SigVer15_186-3.rsp', text, rsaGroups),
  },
  {
    file: 'ecdsa_sigver_186-3.json',
    source: 'ECDSA/FIPS_186-3/SigVer.rsp',
    cut: (text) => cutDown('SigVer.rsp', text, ecdsaGroups),
  },
  {
    file: 'ecdh_kas_static_unified.json',
    source: 'ECDH/KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax',
    cut: (text) =>
      cutDown('KASValidityTest_ECCStaticUnified_NOKC_ZZOnly_init.fax', text, ecdhGroups),
  },
];

function cutDown(
  source: string,
  text: string,
  groups: (sections: readonly Section[]) => readonly Group[],
): Cut {
  const head = text
    .split(/\r?\n/)
    .filter((line) => line.startsWith('#'))
    .map((line) => line.slice(1).trim());
  return { source, cavs: head[0] ?? '', generated: head.at(-1) ?? '', groups: groups(read(text)) };
}

function read(text: string): readonly Section[] {
  const sections: { parameters: string; records: Record<string, string>[] }[] = [];
  let record: Record<string, string> = {};
  for (const line of text.split(/\r?\n/)) {
    const parameters = /^\[(.*)\]$/.exec(line)?.[1];
    if (parameters !== undefined) sections.push({ parameters, records: [] });
    const [, name, value] = /^(\w+) = (.*)$/.exec(line) ?? [];
    if (name === undefined || value === undefined) continue;
    record[name] = value.trim();
    // A result ends a record. What stands before the first record of a section (n) belongs to all of it.
    if (name !== 'Result') continue;
    sections.at(-1)?.records.push(record);
    record = { n: record['n'] ?? '' };
  }
  return sections;
}

const hashes: Readonly<Record<string, string>> = {
  SHA256: 'SHA-256',
  SHA384: 'SHA-384',
  SHA512: 'SHA-512',
};
const modulusSizes = ['2048', '3072', '4096'];

/** Each record has a public exponent of its own. */
function rsaGroups(sections: readonly Section[]): readonly Group[] {
  return sections.flatMap(({ parameters, records }) => {
    const keySize = /^mod = (\d+)$/.exec(parameters)?.[1];
    if (keySize === undefined || !modulusSizes.includes(keySize)) return [];
    return records.flatMap((record, index) => {
      const sha = hashes[record['SHAAlg'] ?? ''];
      if (sha === undefined) return [];
      const { n = '', e = '', Msg: msg, S: sig } = record;
      const jwk = { kty: 'RSA', n: base64url(n), e: base64url(e.replace(/^(00)+/, '')) };
      const test = { tcId: index + 1, ...bytes({ msg, sig }), ...resultOf(record) };
      return [{ keySize: Number(keySize), sha, publicKeyDer: spki(jwk), tests: [test] }];
    });
  });
}

const curves: Readonly<Record<string, { readonly curve: string; readonly sha: string }>> = {
  'P-256': { curve: 'secp256r1', sha: 'SHA-256' },
  'P-384': { curve: 'secp384r1', sha: 'SHA-384' },
  'P-521': { curve: 'secp521r1', sha: 'SHA-512' },
};

/** r and s as NIST has them, in numbers: the DER of the signature is ours to make. */
function ecdsaGroups(sections: readonly Section[]): readonly Group[] {
  return sections.flatMap(({ parameters, records }) => {
    const [name = '', hash] = parameters.split(',');
    const { curve, sha } = curves[name] ?? {};
    if (curve === undefined || sha !== hash) return [];
    const tests = records.map((record, index) => {
      const { Msg: msg, Qx: qx, Qy: qy, R: r, S: s } = record;
      return { tcId: index + 1, ...bytes({ qx, qy, msg, r, s }), ...resultOf(record) };
    });
    return [{ curve, sha, tests }];
  });
}

/** Sections of parameters come first, each again with its hash where its records are. */
function ecdhGroups(sections: readonly Section[]): readonly Group[] {
  const sets: Readonly<Record<string, string>> = {
    'EC - SHA256': 'P-256',
    'ED - SHA384': 'P-384',
    'EE - SHA512': 'P-521',
  };
  return sections.flatMap(({ parameters, records }) => {
    const { curve, sha } = curves[sets[parameters] ?? ''] ?? {};
    if (curve === undefined) return [];
    const tests = records.map((record) => {
      const { COUNT, QsCAVSx: x, QsCAVSy: y, dsIUT, QsIUTx, QsIUTy, Z, CAVSHashZZ } = record;
      const own = { private: dsIUT, ownX: QsIUTx, ownY: QsIUTy };
      const known = { shared: Z, hashOfShared: CAVSHashZZ };
      return { tcId: Number(COUNT), ...bytes({ x, y, ...own, ...known }), ...resultOf(record) };
    });
    return [{ curve, sha, tests }];
  });
}

/** `P`, or `P (0 - Correct)`, or `F (1 - what is wrong)`. */
function resultOf({ Result = '' }: Readonly<Record<string, string>>): object {
  const comment = /\((.*)\)/.exec(Result)?.[1]?.trim();
  const result = Result.startsWith('P') ? 'valid' : 'invalid';
  return { ...(comment !== undefined && { comment }), result };
}

/** Numbers of P-521 have an odd count of digits. */
function bytes(hex: Readonly<Record<string, string | undefined>>): object {
  const texts = Object.entries(hex).map(([name, text = '']) => [
    name,
    base64OfHex(text.padStart(text.length + (text.length % 2), '0')),
  ]);
  return Object.fromEntries(texts) as object;
}

function base64url(hex: string): string {
  return Buffer.from(hex, 'hex').toString('base64url');
}

function spki(jwk: Readonly<Record<string, string>>): string {
  const key = createPublicKey({ key: jwk, format: 'jwk' });
  return key.export({ format: 'der', type: 'spki' }).toString('base64');
}
