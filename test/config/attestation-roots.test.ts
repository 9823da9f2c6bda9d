import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { attestationRoots, loadConfig, unsafeRoots } from '../../src/config';
import { ConfigError } from '../../src/config/error';
import { makeAuthority, makeCertificate } from '../support/certificates';
import { issueChainCertificate, pemOf, signerExtensions } from '../support/chain-certificates';

let directory: string;
let file: string;
beforeAll(() => {
  directory = mkdtempSync(path.join(tmpdir(), 'claviger-roots-'));
  file = path.join(directory, 'roots.pem');
});
afterAll(() => rmSync(directory, { recursive: true }));

const [root, other] = [issueChainCertificate({ name: 'a' }), issueChainCertificate({ name: 'b' })];
const now = new Date();

const configOf = (environment: NodeJS.ProcessEnv) =>
  loadConfig({ CLAVIGER_DATA_DIR: path.join(directory, 'none'), ...environment });

function withText(text: string, mode = 0o644) {
  writeFileSync(file, text);
  chmodSync(file, mode);
  return configOf({ CLAVIGER_ATTESTATION_ROOTS_FILE: file });
}

function faultOf(text: string): string {
  try {
    attestationRoots(withText(text));
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
  return 'no fault';
}

test('Without the setting there are no roots, and nothing is unsafe', () => {
  expect(attestationRoots(configOf({}))).toEqual([]);
  expect(unsafeRoots(configOf({}), now)).toEqual([]);
});

test('Every certificate of the file is a root, whatever stands between them', () => {
  const roots = attestationRoots(
    withText(`# AWS\n${pemOf(root.der)}\nsubject=CN = b\n${pemOf(other.der)}`),
  );
  expect(roots.map(({ raw }) => raw)).toEqual([root.der, other.der]);
});

describe('CLAVIGER_ATTESTATION_ROOTS_FILE is a fault', () => {
  const signer = issueChainCertificate({ name: 's', issuer: root, extensions: signerExtensions });
  const key = root.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const broken = pemOf(root.der.subarray(0, -9));
  test.each([
    ['with nothing in it', '', 'has no PEM certificate in it'],
    ['with a key in it', key, 'has no PEM certificate in it'],
    ['with a broken certificate', pemOf(root.der) + broken, 'certificate 2 cannot be read'],
    ['with a signer', pemOf(signer.der), 'certificate 1 is not one of an authority'],
  ])('%s', (_name, text, fault) => {
    expect(faultOf(text)).toBe(`CLAVIGER_ATTESTATION_ROOTS_FILE: ${file}: ${fault}`);
  });

  test('with a root that is not of ECDSA', () => {
    const old = issueChainCertificate({ name: 'sha1', algorithm: '1.2.840.10045.4.1' });
    expect(faultOf(pemOf(old.der))).toBe(
      `CLAVIGER_ATTESTATION_ROOTS_FILE: ${file}: certificate 1 cannot be a root: a certificate is not signed by ECDSA with SHA-2`,
    );
  });

  test('that is not there', () => {
    const CLAVIGER_ATTESTATION_ROOTS_FILE = path.join(directory, 'nowhere.pem');
    expect(() => attestationRoots(configOf({ CLAVIGER_ATTESTATION_ROOTS_FILE }))).toThrow(
      `CLAVIGER_ATTESTATION_ROOTS_FILE: ${CLAVIGER_ATTESTATION_ROOTS_FILE}: cannot be read`,
    );
  });
});

test('An authority that the openssl command made is a root, a server is none', () => {
  const rootsOf = ({ certFile }: { readonly certFile: string }) =>
    attestationRoots(configOf({ CLAVIGER_ATTESTATION_ROOTS_FILE: certFile }));
  expect(rootsOf(makeAuthority(directory, 'authority'))).toHaveLength(1);
  expect(() => rootsOf(makeCertificate(directory, 'server'))).toThrow(
    'certificate 1 is not one of an authority',
  );
});

test.each([0o664, 0o646, 0o666, 0o620])(
  'A file of mode %o is unsafe: others can write it',
  (mode) => {
    expect(unsafeRoots(withText(pemOf(root.der), mode), now)).toEqual([
      'CLAVIGER_ATTESTATION_ROOTS_FILE can be written by others: they decide whose recipients are believed',
    ]);
  },
);

test('A root that has expired is shouted, and keeps nobody from starting', () => {
  const to = new Date(now.getTime() - 60_000);
  const old = issueChainCertificate({ name: 'old', to });
  const config = withText(pemOf(root.der) + pemOf(old.der), 0o600);
  expect(attestationRoots(config)).toHaveLength(2);
  expect(unsafeRoots(config, now)).toEqual([
    expect.stringMatching(
      /^CLAVIGER_ATTESTATION_ROOTS_FILE has a root that expired on \w{3} .* GMT$/,
    ),
  ]);
});
