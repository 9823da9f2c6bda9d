import { BlockList, isIP } from 'node:net';
import { Generations } from './auth/generations';

/** A private network as policies name it: aws:SourceVpc and aws:SourceVpce. */
export interface NetworkZone {
  readonly vpcId?: string;
  readonly vpceId?: string;
}

/** What the settings say of an address. */
export interface Standing {
  /** It is a proxy's whose X-Forwarded headers are believed. */
  readonly trusted: boolean;
  /** The one with the narrowest range around the address. */
  readonly zone: NetworkZone | undefined;
}

/** Of an address as normalAddress() writes it. */
export type Networks = (address: string) => Standing;

/** Both as their settings write them; undefined is none. */
export interface NetworkSettings {
  /** `10.0.0.0/8,2001:db8::/32,192.0.2.1` */
  readonly trustedProxies?: string | undefined;
  /** `10.1.0.0/16=vpc-1234/vpce-5678,10.2.0.0/16=vpce-9` */
  readonly zones?: string | undefined;
}

/** A text that is no list of networks. The message repeats the item that is wrong: an address is no secret. */
export class NetworkFault extends Error {
  override readonly name = 'NetworkFault';
}

type Family = 'ipv4' | 'ipv6';

interface Range {
  readonly family: Family;
  readonly network: string;
  readonly prefix: number;
}

interface Zoned extends Range {
  readonly zone: NetworkZone;
}

const widthOf = { ipv4: 32, ipv6: 128 } as const satisfies Record<Family, number>;

/** IPv4 inside IPv6, as a socket that listens on both shows IPv4 peers (RFC 4291 §2.5.5.2). */
const mapped = /^::ffff:(\d{1,3}(?:\.\d{1,3}){3})$/i;

/** Node takes 2 µs to look into one range, and the same few addresses come again and again. */
const rememberedAddresses = 4096;

/** Throws NetworkFault. */
export function readNetworks(settings: NetworkSettings): Networks {
  const proxies = readTrustedProxies(settings.trustedProxies).map(membership);
  // The narrowest first; ranges of one width cannot overlap without being the same.
  const zones = readNetworkZones(settings.zones)
    .sort((a, b) => b.prefix - a.prefix)
    .map((zoned) => ({ zone: zoned.zone, holds: membership(zoned) }));
  const known = new Generations<Standing>(rememberedAddresses);
  return (address) => {
    const remembered = known.get(address);
    if (remembered !== undefined) return remembered;
    const standing = {
      trusted: proxies.some((holds) => holds(address)),
      zone: zones.find(({ holds }) => holds(address))?.zone,
    };
    known.set(address, standing);
    return standing;
  };
}

/** Throws NetworkFault. */
export function readTrustedProxies(text: string | undefined): Range[] {
  return itemsOf(text).map(readRange);
}

/** Throws NetworkFault. */
export function readNetworkZones(text: string | undefined): Zoned[] {
  const zones = itemsOf(text).map((item): Zoned => {
    const at = item.indexOf('=');
    if (at < 0) throw new NetworkFault(`'${item}' is not <network>=<vpc id>/<vpce id>`);
    return { ...readRange(item.slice(0, at).trim()), zone: readZone(item.slice(at + 1).trim()) };
  });
  const seen = new Set<string>();
  for (const { network, prefix } of zones) {
    const range = `${network}/${prefix}`;
    if (seen.has(range)) throw new NetworkFault(`'${range}' is in two zones`);
    seen.add(range);
  }
  return zones;
}

/**
 * An address in one way of writing: IPv4 in IPv6 as IPv4, and without the interface of a link-local one. Undefined of
 * what is no address.
 */
export function normalAddress(text: string): string | undefined {
  const address = text.replace(/%.*$/s, '');
  const inner = mapped.exec(address)?.[1] ?? address;
  if (isIP(inner) === 0) return undefined;
  return isIP(inner) === 6 ? shortest(inner) : inner;
}

/** RFC 5952, by the one parser of URLs that node has. A mapped address in hexadecimal comes out dotted. */
function shortest(address: string): string {
  const written = new URL(`http://[${address}]/`).hostname.slice(1, -1);
  const hex = /^::ffff:([0-9a-f]{1,4}):([0-9a-f]{1,4})$/.exec(written);
  if (hex === null) return written;
  const [high, low] = [hex[1], hex[2]].map((part) => parseInt(part ?? '0', 16)) as [number, number];
  return [high >> 8, high & 255, low >> 8, low & 255].join('.');
}

function itemsOf(text: string | undefined): string[] {
  return (text ?? '')
    .split(',')
    .map((item) => item.trim())
    .filter((item) => item !== '');
}

/** `<address>/<prefix>`, or an address alone, which is the range of itself. */
function readRange(text: string): Range {
  const [, address, prefixText] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(text) ?? [];
  const network = address === undefined ? undefined : plainAddress(address);
  if (network === undefined)
    throw new NetworkFault(`'${text}' is not a network such as 10.0.0.0/8`);
  const family: Family = isIP(network) === 4 ? 'ipv4' : 'ipv6';
  if (address !== undefined && isIP(address) === 6 && family === 'ipv4') {
    throw new NetworkFault(`'${text}' is a network of IPv4: write it so`);
  }
  const prefix = prefixText === undefined ? widthOf[family] : Number(prefixText);
  if (prefix > widthOf[family]) {
    throw new NetworkFault(`'${text}' has a prefix longer than ${widthOf[family]} bits`);
  }
  return { family, network, prefix };
}

function plainAddress(text: string): string | undefined {
  return text.includes('%') ? undefined : normalAddress(text);
}

const vpcId = /^vpc-[0-9A-Za-z-]{1,64}$/;
const vpceId = /^vpce-[0-9A-Za-z-]{1,64}$/;

function readZone(text: string): NetworkZone {
  const parts = text.split('/').map((part) => part.trim());
  const vpcs = parts.filter((part) => vpcId.test(part));
  const vpces = parts.filter((part) => vpceId.test(part));
  if (vpcs.length + vpces.length !== parts.length || vpcs.length > 1 || vpces.length > 1) {
    throw new NetworkFault(`'${text}' is not a zone such as vpc-1234/vpce-5678`);
  }
  const [vpc] = vpcs;
  const [vpce] = vpces;
  return {
    ...(vpc === undefined ? {} : { vpcId: vpc }),
    ...(vpce === undefined ? {} : { vpceId: vpce }),
  };
}

/** A list of its own for each range: node's would find an IPv4 address in a range of IPv6 too. */
function membership({ family, network, prefix }: Range): (address: string) => boolean {
  const list = new BlockList();
  list.addSubnet(network, prefix, family);
  const wanted = family === 'ipv4' ? 4 : 6;
  return (address) => isIP(address) === wanted && list.check(address, family);
}
