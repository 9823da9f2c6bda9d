/**
 * Ids of temporary credentials as AWS makes them: `ASIA` and 80 bits of base32, of which bits 1 to 40 are the account,
 * so that whoever finds an id knows whose it is without asking anybody.
 */
const base32 = 'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567';
const sessionPrefix = 'ASIA';
const sessionKeyId = /^ASIA[A-Z2-7]{16}$/;
const bodyBits = 80n;
/** What stands right of the account. */
const randomBits = 39n;
const accountMask = (1n << 40n) - 1n;

export function isSessionKeyId(accessKeyId: string): boolean {
  return accessKeyId.startsWith(sessionPrefix);
}

/** `random` is 5 bytes or more. */
export function newSessionKeyId(accountId: string, random: Buffer): string {
  const bits = (BigInt(accountId) << randomBits) | randomOf(random);
  let id = '';
  for (let shift = bodyBits - 5n; shift >= 0n; shift -= 5n) {
    id += base32.charAt(Number((bits >> shift) & 31n));
  }
  return sessionPrefix + id;
}

/** The account of an id of temporary credentials; undefined for any other. */
export function accountOfSessionKeyId(accessKeyId: string): string | undefined {
  if (!sessionKeyId.test(accessKeyId)) return undefined;
  let bits = 0n;
  for (const character of accessKeyId.slice(sessionPrefix.length)) {
    bits = (bits << 5n) | BigInt(base32.indexOf(character));
  }
  const account = ((bits >> randomBits) & accountMask).toString().padStart(12, '0');
  return account.length === 12 ? account : undefined;
}

function randomOf(random: Buffer): bigint {
  return BigInt(`0x${random.toString('hex')}`) & ((1n << randomBits) - 1n);
}
