import type { Token, TokenStatus } from '../../hsm';
import { Sealing } from '../../src/auth/sealing';
import { SealingKeys } from '../../src/auth/sealing-keys';
import { Secret } from '../../src/auth/secret';
import type { Connectors } from '../../src/custom-key-stores/connections';
import { StoreSecrets } from '../../src/custom-key-stores/secrets';
import type { CustomKeyStore } from '../../src/custom-key-stores/store';
import { insertStore, setConnection } from '../../src/custom-key-stores/stores';
import type { Change, ChangeFeed } from '../../src/db';
import type { XksClient } from '../../src/xks-client/client';
import type { Vault } from './access-keys';
import { accountId } from './sample-keys';

export const storePassword = 'the PIN of it';

/** A feed that says what a test has it say. */
export interface StandInFeed extends Pick<ChangeFeed, 'onChange' | 'onReset'> {
  trusted: boolean;
  /** As the feed does before it acknowledges. */
  change(id: string, topic?: Change['topic']): Promise<void>;
  reset(): Promise<void>;
}

export function standInFeed(): StandInFeed {
  const changes: ((change: Change) => unknown)[] = [];
  const resets: (() => unknown)[] = [];
  return {
    trusted: true,
    onChange: (handler) => void changes.push(handler),
    onReset: (handler) => void resets.push(handler),
    change: async (id, topic = 'custom-key-store') => {
      await Promise.all(changes.map((handle) => handle({ topic, id })));
    },
    reset: async () => {
      await Promise.all(resets.map((handle) => handle()));
    },
  };
}

/** What a connector opened: a token and a client at once, as far as the registry looks at them. */
export interface Opened {
  readonly password: string;
  closed: boolean;
  /** What `close` waits for. */
  inFlight: Promise<void>;
  state: TokenStatus['state'];
}

/** Connectors that open anything, and remember it. */
export interface StandInConnectors extends Connectors {
  readonly opened: Opened[];
  /** Runs before anything is opened: may wait, and may throw. */
  before: () => unknown;
}

export function standInConnectors(): StandInConnectors {
  const opened: Opened[] = [];
  const open = async (secret: () => Promise<Buffer>): Promise<Token & XksClient> => {
    await connectors.before();
    const bytes = await secret();
    const one: Opened = {
      password: bytes.toString(),
      closed: false,
      inFlight: Promise.resolve(),
      state: 'ready',
    };
    bytes.fill(0);
    opened.push(one);
    const standIn = {
      status: () => ({ state: one.state }),
      close: async () => {
        await one.inFlight;
        one.closed = true;
      },
    };
    return standIn as unknown as Token & XksClient;
  };
  const connectors: StandInConnectors = {
    opened,
    before: () => undefined,
    requireCluster: () => undefined,
    cloudHsm: (_, password) => open(password),
    external: (_, secret) => open(secret),
  };
  return connectors;
}

export function storeSecrets({ token, database }: Pick<Vault, 'token' | 'database'>): StoreSecrets {
  const sealing = new Sealing(token, 'key-store-sealing', database);
  return new StoreSecrets({ sealing, sealingKeys: new SealingKeys(database, sealing) });
}

let made = 0;

/** A store in the database, of a cluster of its own. */
export async function makeStore(
  vault: Pick<Vault, 'token' | 'database'>,
  {
    state = 'CONNECTED',
    of,
  }: {
    readonly state?: CustomKeyStore['connectionState'];
    readonly of?: CustomKeyStore['of'];
  } = {},
): Promise<CustomKeyStore> {
  const number = String((made += 1)).padStart(9, '2');
  const id = `cks-${number.padStart(17, '0')}`;
  const store: CustomKeyStore = {
    id,
    accountId,
    name: id,
    connectionState: state,
    connectionErrorCode: undefined,
    createdAt: new Date(),
    sealedSecret: await storeSecrets(vault).seal(new Secret(storePassword), id),
    of: of ?? {
      type: 'AWS_CLOUDHSM',
      clusterId: `cluster-aa${number.replaceAll(/[0189]/g, (digit) => 'abcd'['0189'.indexOf(digit)] ?? '')}`,
      trustAnchorCertificate: 'a certificate',
    },
  };
  await insertStore(vault.database, store);
  await setConnection(vault.database, id, { state });
  return store;
}
