import { randomInt } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { openHostedToken, type Token, type TokenOptions } from '../../hsm/index';
import type { ClusterToken } from '../../src/config/key-stores';
import { makeSoftHsm, type SoftHsm, type SoftHsmOptions } from './softhsm';
import { tokenOptions } from './token-options';

/** A SoftHSM token that a custom key store can be: with a directory and a configuration of its own. */
export interface FurtherToken extends SoftHsm {
  /** What CLAVIGER_KEY_STORES_FILE calls it. */
  readonly clusterId: string;
  /** Its entry there. Its PIN is the KeyStorePassword. */
  readonly entry: ClusterToken;
}

export async function makeFurtherToken(
  different: Pick<SoftHsmOptions, 'pin'> = {},
): Promise<FurtherToken> {
  const hsm = await makeSoftHsm({ further: true, ...different });
  const { module, label, serial, conf, tokenDir } = hsm;
  return {
    ...hsm,
    clusterId: newClusterId(),
    entry: {
      ...{ module, label, serial, local: true, directory: tokenDir },
      environment: { SOFTHSM2_CONF: conf },
    },
  };
}

/** Opens it as custom key stores do. */
export function openFurtherToken(
  hsm: SoftHsm,
  different: Partial<TokenOptions> = {},
): Promise<Token> {
  return openHostedToken(tokenOptions(hsm, different), { SOFTHSM2_CONF: hsm.conf });
}

export interface WrittenKeyStores {
  /** For CLAVIGER_KEY_STORES_FILE. */
  readonly file: string;
  remove(): Promise<void>;
}

/** Writes CLAVIGER_KEY_STORES_FILE with these tokens, and what else is to be in it. */
export async function writeKeyStores(
  tokens: readonly Pick<FurtherToken, 'clusterId' | 'entry'>[],
  more: object = {},
): Promise<WrittenKeyStores> {
  const home = await mkdtemp(join(tmpdir(), 'claviger-key-stores-'));
  const file = join(home, 'key-stores.json');
  const clusters = Object.fromEntries(tokens.map(({ clusterId, entry }) => [clusterId, entry]));
  await writeFile(file, JSON.stringify({ clusters, ...more }));
  return { file, remove: () => rm(home, { recursive: true, force: true }) };
}

const clusterIdAlphabet = 'abcdefghijklmnopqrstuvwxyz234567';

function newClusterId(): string {
  const letters = Array.from({ length: 11 }, () => clusterIdAlphabet[randomInt(32)]);
  return `cluster-${letters.join('')}`;
}
