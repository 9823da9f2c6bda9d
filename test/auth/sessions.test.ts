import { Sealing } from '../../src/auth/sealing';
import { inTransaction } from '../../src/db';
import { SealingKeys } from '../../src/auth/sealing-keys';
import { Secret } from '../../src/auth/secret';
import { Sessions } from '../../src/auth/sessions';
import { formatToken, parseToken, tokenOwner } from '../../src/auth/session-token';
import type { Policy } from '../../src/policy/policy';
import { PolicyError } from '../../src/policy/policy';
import type { Principal, Session } from '../../src/policy/principal';
import { type Vault, openVault } from '../support/access-keys';
import { refusalOf } from '../support/refusal';
import { accountId } from '../support/sample-keys';

let vault: Vault;
const now = Date.parse('2026-11-25T12:00:00Z');

beforeAll(async () => {
  vault = await openVault();
  await vault.issue(accountId, false);
});
afterAll(() => vault.remove());

const noAnswer = { denied: false, allowed: 'none' } as const;

function compile(text: string): Policy {
  if (text === 'unreadable') throw new PolicyError('syntax', 'unreadable');
  return { text, ask: () => noAnswer };
}

function open(different: { readonly db?: Vault['database'] } = {}): Sessions {
  const sealing = new Sealing(vault.token, 'session-sealing');
  return new Sessions({
    token: vault.token,
    sealing,
    sealingKeys: new SealingKeys(different.db ?? vault.database, sealing),
    compile,
    now: () => now,
  });
}

const session: Session = {
  issuedAt: new Date(now),
  expiresAt: new Date(now + 3_600_000),
  role: {
    roleId: 'AROAEXAMPLE000000001',
    arn: `arn:aws:iam::${accountId}:role/team/reader`,
    name: 'reader',
    sessionName: 'alice',
  },
  policies: [compile('{"Version":"2012-10-17"}')],
  tags: { Team: 'blue' },
  transitiveTagKeys: ['Team'],
  sourceIdentity: 'alice@example.org',
  mfaAuthenticatedAt: new Date(now - 60_000),
  webIdentity: { provider: 'arn:aws:iam::1:oidc-provider/x', claims: { 'x:aud': ['a', 'b'] } },
  via: 's3.amazonaws.com',
};

const reader = {
  kind: 'assumed-role',
  accountId,
  arn: `arn:aws:sts::${accountId}:assumed-role/reader/alice`,
  principalId: 'AROAEXAMPLE000000001:alice',
  userName: undefined,
  session,
} as const satisfies Omit<Principal, 'accessKeyId'>;

describe('temporary credentials', () => {
  test('have AWS’s form and say nothing when printed', async () => {
    const issued = await open().issue(reader);
    expect(issued.accessKeyId).toMatch(/^ASIA[A-Z2-7]{16}$/);
    expect(issued.secretAccessKey.revealText()).toMatch(/^[A-Za-z0-9+/]{40}$/);
    expect(issued.expiresAt).toEqual(session.expiresAt);
    expect(issued.packedPolicySize).toBeGreaterThan(0);
    const printed = JSON.stringify(issued);
    expect(printed).not.toContain(issued.secretAccessKey.revealText());
    expect(printed).not.toContain(issued.sessionToken.revealText());
  });

  test('carry all of their principal to every worker', async () => {
    const { accessKeyId, secretAccessKey, sessionToken } = await open().issue(reader);
    const found = await open().find(accessKeyId, sessionToken.revealText());
    expect(found?.secret.equals(secretAccessKey)).toBe(true);
    expect(found?.sessionToken?.equals(sessionToken)).toBe(true);
    expect(found?.expiresAt).toBe(session.expiresAt.getTime());
    const { policies, ...rest } = found?.principal.session ?? {};
    const { policies: given, ...members } = session;
    expect(policies?.map(({ text }) => text)).toEqual(given.map(({ text }) => text));
    expect(rest).toEqual(members);
    expect({ ...found?.principal, session }).toEqual({ ...reader, accessKeyId });
  });

  test('of a user carry nothing of what it has not', async () => {
    const { issuedAt, expiresAt } = session;
    const bare = { issuedAt, expiresAt, policies: [], tags: {}, transitiveTagKeys: [] };
    const user = { ...reader, kind: 'user', userName: 'alice', session: bare } as const;
    const { accessKeyId, sessionToken, packedPolicySize } = await open().issue(user);
    expect(packedPolicySize).toBe(0);
    const found = await open().find(accessKeyId, sessionToken.revealText());
    expect(found?.principal).toStrictEqual({ ...user, accessKeyId });
  });

  test('are opened in the token once, and then answered at once', async () => {
    const sessions = open();
    const { accessKeyId, sessionToken } = await sessions.issue(reader);
    const text = sessionToken.revealText();
    const first = await sessions.find(accessKeyId, text);
    const again = sessions.find(accessKeyId, text);
    expect(again).not.toBeInstanceOf(Promise);
    expect(again).toBe(first);
    expect(sessions.find('ASIAANOTHER000000000', text)).toBeUndefined();
  });

  test('ask no database once the worker knows the sealing keys', async () => {
    let statements = 0;
    const db = new Proxy(vault.database, {
      get: (target, name, receiver) => {
        if (name === 'query') statements += 1;
        return Reflect.get(target, name, receiver) as unknown;
      },
    });
    const sessions = open({ db });
    const issued = await Promise.all([1, 2, 3].map(() => sessions.issue(reader)));
    const found = await Promise.all(
      issued.map(async (one) => sessions.find(one.accessKeyId, one.sessionToken.revealText())),
    );
    expect(found.filter((one) => one !== undefined)).toHaveLength(3);
    expect(statements).toBe(1);
  });

  test('that have expired are still known for what they are, and not remembered', async () => {
    const sessions = open();
    const expiresAt = new Date(now - 1000);
    const issued = await sessions.issue({ ...reader, session: { ...session, expiresAt } });
    const text = issued.sessionToken.revealText();
    const found = await sessions.find(issued.accessKeyId, text);
    expect(found?.expiresAt).toBe(expiresAt.getTime());
    expect(sessions.find(issued.accessKeyId, text)).toBeInstanceOf(Promise);
  });

  test('sealed under a key made later are known to a worker that knew the older one', async () => {
    const [old, young] = [open(), open()];
    const before = await old.issue(reader);
    await inTransaction(vault.database, (transaction) =>
      new Sealing(vault.token, 'session-sealing').createKey(vault.database, transaction),
    );
    const after = await young.issue(reader);
    // The worker that knows both opens both.
    for (const one of [before, after]) {
      expect(await young.find(one.accessKeyId, one.sessionToken.revealText())).toBeDefined();
    }
    expect(await open().find(after.accessKeyId, after.sessionToken.revealText())).toBeDefined();
  });
});

describe('what is no session token of the access key', () => {
  test('is the token with any one byte changed', async () => {
    const sessions = open();
    const { accessKeyId, sessionToken } = await sessions.issue(reader);
    const bytes = Buffer.from(sessionToken.revealText(), 'base64');
    // Version, sealing key, IV, secret, the rest, tag.
    for (const at of [0, 1, 32, 33, 44, 45, 74, 75, 200, bytes.length - 16, bytes.length - 1]) {
      const changed = Buffer.from(bytes);
      changed[at] = (changed[at] ?? 0) ^ 1;
      const text = changed.toString('base64');
      expect([at, await sessions.find(accessKeyId, text)]).toEqual([at, undefined]);
    }
  });

  test('is the token cut short, prolonged, missing, or in another spelling', async () => {
    const sessions = open();
    const { accessKeyId, sessionToken } = await sessions.issue(reader);
    const text = sessionToken.revealText();
    const bytes = Buffer.from(text, 'base64');
    const wrong = [
      undefined,
      '',
      'garbage',
      text.slice(0, -4),
      bytes.subarray(0, -1).toString('base64'),
      bytes.subarray(0, 40).toString('base64'),
      Buffer.concat([bytes, Buffer.alloc(1)]).toString('base64'),
      Buffer.concat([bytes, Buffer.alloc(10_000)]).toString('base64'),
      `${text} `,
      bytes.toString('base64url'),
    ];
    for (const one of wrong) {
      expect([one, await sessions.find(accessKeyId, one)]).toEqual([one, undefined]);
    }
  });

  test('is the token of another access key', async () => {
    const sessions = open();
    const [one, other] = [await sessions.issue(reader), await sessions.issue(reader)];
    expect(await sessions.find(one.accessKeyId, other.sessionToken.revealText())).toBeUndefined();
    expect(await sessions.find(other.accessKeyId, one.sessionToken.revealText())).toBeUndefined();
  });

  test('is a sealed secret that names its own sealing key, which opens no sessions', async () => {
    const sealing = new Sealing(vault.token);
    const keyId = await sealing.currentKey(vault.database);
    if (keyId === undefined) throw new Error('there is no sealing key');
    const accessKeyId = 'ASIAEXAMPLE000000000';
    const owner = tokenOwner(accessKeyId);
    const sealed = await sealing.seal(new Secret('x'.repeat(100)), { owner, keyId });
    expect(await open().find(accessKeyId, formatToken(sealed))).toBeUndefined();
  });

  test('is what a session sealing key sealed for something else', async () => {
    const sealing = new Sealing(vault.token, 'session-sealing');
    const keyId = (await sealing.currentKey(vault.database)) ?? '';
    const accessKeyId = 'ASIAEXAMPLE000000000';
    const sealed = await sealing.seal(new Secret('x'.repeat(100)), { owner: accessKeyId, keyId });
    expect(await open().find(accessKeyId, formatToken(sealed))).toBeUndefined();
  });

  test('is one whose policy cannot be read any more', async () => {
    const policies = [{ ...compile(''), text: 'unreadable' }];
    const sessions = open();
    const issued = await sessions.issue({ ...reader, session: { ...session, policies } });
    const text = issued.sessionToken.revealText();
    expect(parseToken(text)).toBeDefined();
    expect(await sessions.find(issued.accessKeyId, text)).toBeUndefined();
  });
});

describe('policies and tags that take too much space', () => {
  const noise = (length: number): string =>
    vault.token.generateRandom(length).toString('base64').slice(0, length);

  test('are refused with the percentage', async () => {
    const policies = [compile(noise(7000))];
    const refusal = await refusalOf(() =>
      open().issue({ ...reader, session: { ...session, policies } }),
    );
    expect(refusal.code).toBe('PackedPolicyTooLarge');
    expect(refusal.message).toMatch(
      /^Packed policy consumes 1[0-9]{2}% of allotted space, please use smaller policy\.$/,
    );
  });

  test('are called tags when there is no policy', async () => {
    const tags = Object.fromEntries(
      Array.from({ length: 50 }, (_, n) => [`${n}${noise(100)}`, noise(50)]),
    );
    const refusal = await refusalOf(() =>
      open().issue({ ...reader, session: { ...session, policies: [], tags } }),
    );
    expect(refusal.code).toBe('PackedPolicyTooLarge');
    expect(refusal.message).toMatch(
      /^Packed size of session tags consumes 1[0-9]{2}% of allotted space\.$/,
    );
  });
});
