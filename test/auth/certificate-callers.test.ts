import type { ClientCertificate } from '../../src/auth/certificate';
import { CertificateCallers } from '../../src/auth/certificate-callers';
import type { RulePrincipal } from '../../src/auth/rule-principals';
import { refusalOf } from '../support/refusal';

const arn = 'arn:aws-cn:iam::111122223333:role/pay';
const role: RulePrincipal = {
  kind: 'role',
  accountId: '111122223333',
  arn,
  id: 'AROA',
  name: 'pay',
};
const certificate: ClientCertificate = {
  uris: ['spiffe://a/web'],
  dnsNames: [],
  subject: [],
  validFrom: new Date(1000),
  validTo: new Date(2000),
};

let principal: RulePrincipal | undefined | Promise<RulePrincipal | undefined>;
let now: number;
let reasons: unknown[];
const callers = new CertificateCallers({
  rules: [{ certificate: { uri: 'spiffe://a/*' }, target: { kind: 'role', arn } }],
  principals: { find: () => principal },
  now: () => now,
  onRefused: (reason) => void reasons.push(reason),
});

beforeEach(() => {
  principal = role;
  now = 1500;
  reasons = [];
});

test('the session of a certificate was made when the certificate was, and ends with it', () => {
  expect(callers.find(certificate)).toMatchObject({
    arn: 'arn:aws-cn:sts::111122223333:assumed-role/pay/web',
    principalId: 'AROA:web',
    session: { issuedAt: new Date(1000), expiresAt: new Date(2000) },
  });
});

test('a certificate that no rule knows is nobody', () => {
  expect(callers.find({ ...certificate, uris: [] })).toBeUndefined();
});

test('a certificate that runs out while its connection stays open is refused', async () => {
  now = 2000;
  expect(await refusalOf(() => callers.find(certificate))).toMatchObject({
    code: 'ExpiredToken',
    message: 'The security token included in the request is expired',
  });
});

test.each([undefined, Promise.resolve(undefined)])(
  'a role that does not exist is nobody, and the operator is told',
  async (missing) => {
    principal = missing;
    expect(await refusalOf(() => callers.find(certificate))).toMatchObject({
      code: 'UnrecognizedClientException',
      message: 'The security token included in the request is invalid.',
    });
    expect(reasons).toEqual([new Error(`${arn} does not exist`)]);
  },
);
