import { type LookupAddress, lookup } from 'node:dns';
import { BlockList, type LookupFunction, isIP } from 'node:net';
import { XksFault } from './client';

/** This machine, and what answers every machine on its link: a cloud's metadata, too. */
const near = new BlockList();
for (const [net, bits, family] of [
  ['0.0.0.0', 8, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
] as const) {
  near.addSubnet(net, bits, family);
}

/** Whether it is an address that a proxy has only where an operator says so. */
export function isNear(address: string): boolean {
  const family = isIP(address);
  return family !== 0 && near.check(address, family === 4 ? 'ipv4' : 'ipv6');
}

export function tooNear(host: string): XksFault {
  return new XksFault('unreachable', `${host} is on this machine, or on its link`);
}

/** As node's own, but for names of which an address is near: they are refused, whoever made them so. */
export const lookupAfar: LookupFunction = (host, options, done) => {
  lookup(host, options, (error, found, family) => {
    if (error === null && addressesOf(found).some(isNear)) done(tooNear(host), '', 0);
    else done(error, found, family);
  });
};

function addressesOf(found: string | readonly LookupAddress[]): readonly string[] {
  return typeof found === 'string' ? [found] : found.map(({ address }) => address);
}
