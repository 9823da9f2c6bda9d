/** An IPv4 address as its 32 bits, or an IPv6 address as its eight groups. */
export type Address = number | readonly number[];

/** Is an address in it? IPv4 and IPv6 never contain each other. */
export type IpRange = (candidate: Address) => boolean;

/** `203.0.113.0/24`, `2001:db8::/32`, or an address alone; undefined for what is neither. */
export function parseIpRange(text: string): IpRange | undefined {
  const slash = text.indexOf('/');
  const written = slash === -1 ? text : text.slice(0, slash);
  const address = parseAddress(written);
  if (address === undefined) return undefined;
  const isV6 = written.includes(':');
  const width = isV6 ? 128 : 32;
  const prefix = slash === -1 ? width : parsePrefix(text.slice(slash + 1), width);
  if (prefix === undefined) return undefined;
  if (typeof address !== 'number') return rangeV6(address, prefix);
  // `::ffff:203.0.113.0/120` is a range of IPv4; a wider one than ::ffff:0:0/96 is no range of either.
  if (!isV6) return rangeV4(address, prefix);
  return prefix < 96 ? undefined : rangeV4(address, prefix - 96);
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

/** Shifts are of 31 bits at the most in JavaScript: the range's size is a power and its start a remainder. */
function rangeV4(address: number, prefix: number): IpRange {
  const size = 2 ** (32 - prefix);
  const first = address - (address % size);
  return (candidate) =>
    typeof candidate === 'number' && candidate >= first && candidate < first + size;
}

function rangeV6(address: readonly number[], prefix: number): IpRange {
  // Of each group the bits that are shared: all, some or none.
  const masks = address.map((_, i) => {
    const bits = Math.min(16, Math.max(0, prefix - 16 * i));
    return 0x10000 - 2 ** (16 - bits);
  });
  const isIn = (group: number, i: number): boolean =>
    (((address[i] ?? 0) ^ group) & (masks[i] ?? 0)) === 0;
  return (candidate) => typeof candidate !== 'number' && candidate.every(isIn);
}

/** Without leading zeros, which some read as octal. */
function parseIpv4(text: string): number | undefined {
  let bits = 0;
  let octet = -1;
  let dots = 0;
  for (let i = 0; i < text.length && dots < 4; i++) {
    const digit = text.charCodeAt(i) - 48;
    if (text[i] === '.' && octet >= 0) {
      bits = bits * 256 + octet;
      octet = -1;
      dots += 1;
    } else if (digit >= 0 && digit <= 9 && octet !== 0) {
      octet = octet < 0 ? digit : octet * 10 + digit;
      if (octet > 255) return undefined;
    } else {
      return undefined;
    }
  }
  return dots === 3 && octet >= 0 ? bits * 256 + octet : undefined;
}

function parseIpv6(text: string): number[] | undefined {
  const halves = text.split('::', 3);
  if (halves.length > 2) return undefined;
  const [before, after] = halves.map((half, i) => parseGroups(half, i === halves.length - 1));
  if (before === undefined) return undefined;
  if (halves.length === 1) return before.length === 8 ? before : undefined;
  if (after === undefined) return undefined;
  const missing = 8 - before.length - after.length;
  return missing < 1 ? undefined : [...before, ...Array<number>(missing).fill(0), ...after];
}

/** Groups of up to four hexadecimal digits; the last of an address may be an IPv4 address, which is two. */
function parseGroups(text: string, atEnd: boolean): number[] | undefined {
  if (text === '') return [];
  const groups: number[] = [];
  const parts = text.split(':', 9);
  for (const [i, part] of parts.entries()) {
    if (atEnd && part.includes('.') && i === parts.length - 1) {
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

function parsePrefix(text: string, max: number): number | undefined {
  if (!/^(0|[1-9][0-9]{0,2})$/.test(text)) return undefined;
  const value = Number(text);
  return value <= max ? value : undefined;
}
