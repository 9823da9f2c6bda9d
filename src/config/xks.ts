import type { Config } from '../config';
import { ConfigError } from './error';
import { settings } from './settings';

/** Settings that say something of the port of the XKS proxy, and nothing without it. */
const ofThePort = [
  'xksHost',
  'xksTlsCertFile',
  'xksTlsKeyFile',
  'xksClientCaFile',
  'xksClientSubject',
  'xksPingPort',
] as const;

/** Each needs the other. A public authority vouches for everyone: without a subject its clients would all be AWS KMS. */
const pairs = [
  ['xksTlsCertFile', 'xksTlsKeyFile'],
  ['xksClientCaFile', 'xksClientSubject'],
] as const;

/** Throws ConfigError. */
export function requireXks(config: Config): void {
  for (const name of ofThePort) {
    if (config[name] === undefined || config.xksPort !== undefined) continue;
    throw new ConfigError(`${settings[name].env} needs ${settings.xksPort.env}`);
  }
  for (const [one, other] of pairs) {
    if ((config[one] === undefined) === (config[other] === undefined)) continue;
    throw new ConfigError(`${settings[one].env} and ${settings[other].env} go together`);
  }
  if (config.xksClientCaFile !== undefined && xksCertificate(config) === undefined) {
    throw new ConfigError(
      `${settings.xksClientCaFile.env} needs ${settings.xksTlsCertFile.env} or ${settings.tlsCertFile.env}`,
    );
  }
  if (config.xksClientSubject !== undefined && xksClientNames(config).includes('')) {
    throw new ConfigError(`${settings.xksClientSubject.env} has an empty name in it`);
  }
  requireOwnPorts(config);
}

/** The CNs that are let in, in small letters. */
export function xksClientNames({ xksClientSubject }: Config): readonly string[] {
  return xksClientSubject?.split(',').map((name) => name.trim().toLowerCase()) ?? [];
}

export interface CertificatePair {
  readonly certFile: string;
  readonly keyFile: string;
}

/** What the XKS proxy shows on its own port: a certificate of its own, or that of everything else. */
export function xksCertificate(config: Config): CertificatePair | undefined {
  const { xksTlsCertFile, xksTlsKeyFile, tlsCertFile, tlsKeyFile } = config;
  const [certFile, keyFile] =
    xksTlsCertFile === undefined ? [tlsCertFile, tlsKeyFile] : [xksTlsCertFile, xksTlsKeyFile];
  return certFile === undefined || keyFile === undefined ? undefined : { certFile, keyFile };
}

export function xksHost({ host, xksHost: own = host }: Config): string {
  return own;
}

/** Each of them is a listener; that a port is taken by ourselves would be found by the second worker that starts. */
function requireOwnPorts(config: Config): void {
  const taken = new Map<string, string>();
  const all = [
    ['port', config.host],
    ['xksPort', xksHost(config)],
    ['xksPingPort', xksHost(config)],
  ] as const;
  for (const [name, host] of all) {
    const number = config[name];
    if (number === undefined || number === 0) continue;
    const place = `${host}:${number}`;
    const other = taken.get(place);
    if (other !== undefined) {
      throw new ConfigError(`${settings[name].env} is the port of ${other} too`);
    }
    taken.set(place, settings[name].env);
  }
}
