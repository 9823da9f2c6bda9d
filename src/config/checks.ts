import type { Config } from '../config';
import {
  NetworkFault,
  type NetworkSettings,
  readNetworkZones,
  readTrustedProxies,
} from '../networks';
import { ConfigError } from './error';
import { requireXks, xksCertificate, xksHost } from './xks';

/** What no schema of one setting can say. Throws ConfigError. */
export function requireConsistent(config: Config): void {
  requireTogether(config);
  requireNetworks(config);
  requireXks(config);
}

/** What readNetworks() takes. */
export function networkSettings(config: Config): NetworkSettings {
  return { trustedProxies: config.trustedProxies, zones: config.networkZones };
}

/** What is set in a way that is fine on a laptop and not in production; each is shouted at start-up. */
export function unsafeSettings(config: Config): string[] {
  const everyone = readTrustedProxies(config.trustedProxies).some(({ prefix }) => prefix === 0);
  return [
    ...(!isLoopback(config.host) && config.tlsCertFile === undefined
      ? [
          'CLAVIGER_HOST is not a loopback address and TLS is off: requests and plaintexts cross the network in the clear',
        ]
      : []),
    ...(xksInTheClear(config)
      ? [
          'the XKS proxy is on an address that is not loopback and TLS is off: what AWS KMS seals and opens crosses the network in the clear',
        ]
      : []),
    ...(everyone
      ? [
          'CLAVIGER_TRUSTED_PROXIES is every address: anyone can choose the address that policies see',
        ]
      : []),
  ];
}

function isLoopback(host: string): boolean {
  return ['127.0.0.1', '::1', 'localhost'].includes(host);
}

/** Of a port of its own: on the other one the first sentence says it. */
function xksInTheClear(config: Config): boolean {
  if (config.xksPort === undefined || xksCertificate(config) !== undefined) return false;
  return !isLoopback(xksHost(config));
}

function requireTogether({ tlsCertFile, tlsKeyFile, tlsClientCaFile }: Config): void {
  if ((tlsCertFile === undefined) !== (tlsKeyFile === undefined)) {
    throw new ConfigError('CLAVIGER_TLS_CERT_FILE and CLAVIGER_TLS_KEY_FILE go together');
  }
  if (tlsClientCaFile !== undefined && tlsCertFile === undefined) {
    throw new ConfigError('CLAVIGER_TLS_CLIENT_CA_FILE needs CLAVIGER_TLS_CERT_FILE');
  }
}

function requireNetworks({ trustedProxies, networkZones }: Config): void {
  within('CLAVIGER_TRUSTED_PROXIES', () => readTrustedProxies(trustedProxies));
  within('CLAVIGER_NETWORK_ZONES', () => readNetworkZones(networkZones));
}

function within(variable: string, read: () => unknown): void {
  try {
    read();
  } catch (cause) {
    if (!(cause instanceof NetworkFault)) throw cause;
    throw new ConfigError(`${variable}: ${cause.message}`, { cause });
  }
}
