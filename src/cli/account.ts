import { issue } from './init';
import type { Command } from './subcommand';

/** `claviger account create-access-key`. */
export const createAccessKey: Command = (config) => issue(config, { another: true });
