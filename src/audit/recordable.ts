/**
 * What CloudTrail leaves out of requestParameters (kms-semantics §16.2), and what answers hold of the same kind: of IAM and
 * STS, whatever credentials can be made of.
 */
const neverRecorded: ReadonlySet<string> = new Set([
  'AttestationDocument',
  'CiphertextBlob',
  'CiphertextForRecipient',
  'ContextAssertion',
  'EncryptedKeyMaterial',
  'GrantToken',
  'GrantTokens',
  'ImportToken',
  'KeyStorePassword',
  'Mac',
  'Message',
  'Plaintext',
  'PresignedCallerIdentity',
  'PrivateKeyCiphertextBlob',
  'PrivateKeyPlaintext',
  'PublicKey',
  'RawSecretAccessKey',
  'Recipient',
  'SecretAccessKey',
  'SessionToken',
  'SharedSecret',
  'SharedSecretCiphertextBlob',
  'Signature',
  'Token',
  'TokenCode',
  'TrustAnchorCertificate',
  'WebIdentityToken',
  'XksProxyAuthenticationCredential',
]);

/** Members whose names inside are the caller's and not AWS's: they keep their case. */
const maps: ReadonlySet<string> = new Set([
  'DestinationEncryptionContext',
  'EncryptionContext',
  'EncryptionContextEquals',
  'EncryptionContextSubset',
  'SourceEncryptionContext',
]);

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'];

/** Members of requests that CloudTrail has under other names (kms-semantics §16.3). */
const otherNames: ReadonlyMap<string, string> = new Map([['CloudHsmClusterId', 'clusterId']]);

/**
 * The named members of a request or answer as CloudTrail writes them: names start in lower case, dates read
 * `Aug 10, 2022, 10:38:27 PM`. Bytes and secret members are left out at any depth, whatever the list says. Null when
 * nothing is left. What is absent is written as its default, if it has one.
 */
export function recordable(
  value: object,
  members: readonly string[],
  defaults?: object,
): Readonly<Record<string, unknown>> | null {
  const source = value as Readonly<Record<string, unknown>>;
  const otherwise = defaults as Readonly<Record<string, unknown>> | undefined;
  const record: Record<string, unknown> = {};
  let empty = true;
  for (const name of members) {
    const written = writeMember(name, source[name] ?? otherwise?.[name]);
    if (written === undefined) continue;
    record[otherNames.get(name) ?? recordedName(name)] = written;
    empty = false;
  }
  return empty ? null : record;
}

function writeMember(name: string, value: unknown): unknown {
  if (value === undefined || neverRecorded.has(name)) return undefined;
  return maps.has(name) ? value : write(value);
}

function write(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (value instanceof Date) return writeDate(value);
  if (ArrayBuffer.isView(value)) return undefined;
  if (Array.isArray(value)) return value.map(write).filter((item) => item !== undefined);
  return inner(value);
}

/** What is inside keeps the names that it has: CreateKey answers with the cloudHsmClusterId of its key. */
function inner(value: object): Readonly<Record<string, unknown>> {
  const record: Record<string, unknown> = {};
  for (const [name, member] of Object.entries(value)) {
    const written = writeMember(name, member);
    if (written !== undefined) record[recordedName(name)] = written;
  }
  return record;
}

function recordedName(name: string): string {
  return name.charAt(0).toLowerCase() + name.slice(1);
}

function writeDate(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const hours = date.getUTCHours();
  const day = `${months[date.getUTCMonth()]} ${date.getUTCDate()}, ${date.getUTCFullYear()}`;
  const time = `${hours % 12 === 0 ? 12 : hours % 12}:${two(date.getUTCMinutes())}:${two(date.getUTCSeconds())}`;
  return `${day}, ${time} ${hours < 12 ? 'AM' : 'PM'}`;
}
