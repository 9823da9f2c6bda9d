import { type AuditedCaller, userIdentity } from '../../src/audit/identity';

const accountId = '111122223333';
const issuedAt = new Date('2026-08-10T22:38:27.999Z');

const role = {
  roleId: 'AROAEXAMPLEID',
  arn: `arn:aws:iam::${accountId}:role/team/Admin`,
  name: 'Admin',
};
const assumed: AuditedCaller = {
  kind: 'assumed-role',
  accountId,
  arn: `arn:aws:sts::${accountId}:assumed-role/Admin/alice`,
  principalId: 'AROAEXAMPLEID:alice',
  userName: undefined,
  accessKeyId: 'ASIAEXAMPLE',
  session: { issuedAt, role },
};
const user: AuditedCaller = {
  kind: 'user',
  accountId,
  arn: `arn:aws:iam::${accountId}:user/Alice`,
  principalId: 'AIDAEXAMPLEID',
  userName: 'Alice',
  accessKeyId: 'ASIAEXAMPLE',
};

/** As it stands in the record: without undefined members. */
const written = (caller: AuditedCaller): unknown =>
  JSON.parse(JSON.stringify(userIdentity(caller)));

test('the session of a role has the role that issued it', () => {
  expect(written(assumed)).toEqual({
    type: 'AssumedRole',
    principalId: 'AROAEXAMPLEID:alice',
    arn: `arn:aws:sts::${accountId}:assumed-role/Admin/alice`,
    accountId,
    accessKeyId: 'ASIAEXAMPLE',
    sessionContext: {
      sessionIssuer: {
        type: 'Role',
        principalId: 'AROAEXAMPLEID',
        arn: `arn:aws:iam::${accountId}:role/team/Admin`,
        accountId,
        userName: 'Admin',
      },
      attributes: { creationDate: '2026-08-10T22:38:27Z', mfaAuthenticated: 'false' },
    },
  });
});

test.each(['user', 'service'] as const)('a %s with an API token is told of by its id', (kind) => {
  const shown = { ...user, kind, accessKeyId: undefined, apiToken: { tokenId: 'ATKNEXAMPLE' } };
  expect(written(shown)).toMatchObject({ credentialId: 'ATKNEXAMPLE' });
  expect(written(shown)).not.toHaveProperty('accessKeyId');
  expect(written({ ...user, kind })).not.toHaveProperty('credentialId');
});

test('a session tells of the web identity, the source identity and the service behind it', () => {
  const provider = `arn:aws:iam::${accountId}:oidc-provider/issuer.example`;
  const session = {
    ...{ issuedAt, role, sourceIdentity: 'Alice' },
    webIdentity: { provider },
    via: 's3.amazonaws.com',
  };
  expect(written({ ...assumed, session })).toMatchObject({
    sessionContext: {
      webIdFederationData: { federatedProvider: provider, attributes: {} },
      sourceIdentity: 'Alice',
    },
    invokedBy: 's3.amazonaws.com',
  });
});

test('a session of a user has no issuer, and says whether there was a second factor', () => {
  const session = { issuedAt, mfaAuthenticatedAt: issuedAt };
  expect(written({ ...user, session })).toEqual({
    type: 'IAMUser',
    principalId: 'AIDAEXAMPLEID',
    arn: `arn:aws:iam::${accountId}:user/Alice`,
    accountId,
    accessKeyId: 'ASIAEXAMPLE',
    userName: 'Alice',
    sessionContext: {
      attributes: { creationDate: '2026-08-10T22:38:27Z', mfaAuthenticated: 'true' },
    },
  });
});

test('long-term credentials have no session', () => {
  expect(written(user)).not.toHaveProperty('sessionContext');
});

test('a service is named by what it invoked, and a web identity by its provider', () => {
  const service: AuditedCaller = {
    kind: 'service',
    ...{ accountId, accessKeyId: 'AKIAEXAMPLE' },
    ...{ arn: 's3.amazonaws.com', principalId: 's3.amazonaws.com' },
  };
  expect(written(service)).toEqual({
    type: 'AWSService',
    principalId: 's3.amazonaws.com',
    accountId,
    accessKeyId: 'AKIAEXAMPLE',
    invokedBy: 's3.amazonaws.com',
  });
  const provider = `arn:aws:iam::${accountId}:oidc-provider/issuer.example`;
  const holder: AuditedCaller = {
    kind: 'web-identity',
    ...{ accountId, arn: provider, accessKeyId: undefined },
    ...{ principalId: `${provider}:sts.amazonaws.com:system`, userName: 'system' },
  };
  expect(written(holder)).toEqual({
    type: 'WebIdentityUser',
    principalId: `${provider}:sts.amazonaws.com:system`,
    userName: 'system',
    identityProvider: provider,
  });
});

test('nobody has the type Unknown', () => {
  expect(userIdentity(undefined)).toEqual({ type: 'Unknown' });
});
