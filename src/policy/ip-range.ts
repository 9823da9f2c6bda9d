/** An IPv4 address as its 32 bits, or an IPv6 address as its eight groups. */
export type Address = number | readonly number[];

/** The addresses that share their first `prefix` bits with `address`. */
export interface IpRange {
  readonly address: Address;
  readonly prefix: number;
}

/** `203.0.113.0/24`, `2001:db8::/32`, or an address alone; undefined for what is neither. */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/');
  const written = slash === -1 ? text : text.slice(0, slash);
  const address = parseAddress(written);
  if (address === undefined) return undefined;
  const isV6 = written.includes(':');
  const width = isV6 ? 128 : 32;
  const prefix = slash === -1 ? width : parseDecimal(text.slice(slash + 1), width);
  if (prefix === undefined) return undefined;
  if (!isV6 || typeof address !== 'number') return { address, prefix };
  // `::ffff:203.0.113.0/120` is a range of IPv4; a wider one than ::ffff:0:0/96 is no range of either.
  return prefix < 96 ? undefined : { address, prefix: prefix - 96 };
}

/** IPv4-mapped IPv6 addresses (`::ffff:203.0.113.1`, RFC 4291 §2.5.5.2) are the IPv4 addresses that they carry. */
export function parseAddress(text: string): Address | undefined {
  if (!text.includes(':')) return parseIpv4(text);
  const groups = parseIpv6(text);
  if (groups === undefined) return undefined;
  const [high = 0, low = 0] = groups.slice(6);
  const isMapped = groups[5] === 0xffff && groups.every((group, i) => i >= 5 || group === 0);
  return isMapped ? high * 0x10000 + low : groups;
}

/** IPv4 and IPv6 never contain each other. */
export function contains({ address, prefix }: IpRange, candidate: Address): boolean {
  if (typeof address === 'number') {
    return typeof candidate === 'number' && sameBits(address, candidate, { width: 32, prefix });
  }
  if (typeof candidate === 'number') return false;
  return address.every((group, i) =>
    sameBits(group, candidate[i] ?? 0, { width: 16, prefix: prefix - 16 * i }),
  );
}

/** Shifts of 32 bits are shifts of none in JavaScript, so that halves are compared by division. */
function sameBits(
  a: number,
  b: number,
  { width, prefix }: { width: number; prefix: number },
): boolean {
  if (prefix <= 0) return true;
  const divisor = 2 ** Math.max(0, width - prefix);
  return Math.floor(a / divisor) === Math.floor(b / divisor);
}

function parseIpv4(text: string): number | undefined {
  const parts = text.split('.', 5);
  if (parts.length !== 4) return undefined;
  let bits = 0;
  for (const part of parts) {
    const octet = parseDecimal(part, 255);
    if (octet === undefined) return undefined;
    bits = bits * 256 + octet;
  }
  return bits;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::', 3);
  if (halves.length > 2) return undefined;
  const [before, after] = halves.map(parseGroups);
  if (before === undefined) return undefined;
  if (halves.length === 1) return before.length === 8 ? before : undefined;
  if (after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  return missing < 1 ? undefined : [...before, ...Array<number>(missing).fill(0), ...after];
}

/** Groups of up to four hexadecimal digits; the last may be an IPv4 address, which is two. */
function parseGroups(text: string): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':', 9);
  for (const [i, part] of parts.entries()) {
    if (part.includes('.') && i === parts.length - 1) {
      const bits = parseIpv4(part);
      if (bits === undefined) return undefined;
      groups.push(Math.floor(bits / 0x10000), bits % 0x10000);
    } else if (/^[0-9a-fA-F]{1,4}$/.test(part)) {
      groups.push(Number.parseInt(part, 16));
    } else {
      return undefined;
    }
  }
  return groups;
}

/** Without leading zeros, which some read as octal. */
function parseDecimal(text: string, max: number): number | undefined {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
