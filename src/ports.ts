import { settings } from './config';

/** The ports that a worker listens on, by the settings that name them. */
export interface Ports {
  readonly port: number;
  readonly xksPort?: number;
  readonly xksPingPort?: number;
}

const names = ['port', 'xksPort', 'xksPingPort'] as const satisfies readonly (keyof Ports)[];

export function samePorts(one: Ports, other: Ports): boolean {
  return names.every((name) => one[name] === other[name]);
}

/** What a process is told that is to listen on these. */
export function portsEnvironment(ports: Ports): NodeJS.ProcessEnv {
  const given = names.filter((name) => ports[name] !== undefined);
  return Object.fromEntries(given.map((name) => [settings[name].env, String(ports[name])]));
}
