import { randomUUID } from 'node:crypto';
import type { Token } from '../../hsm';
import { Attestations } from '../../src/attestation/attestations';
import { openAuditWriter } from '../../src/audit';
import { type Caches, evictHandles, openCaches } from '../../src/caches';
import { type Config, loadConfig } from '../../src/config';
import { BatchRoom } from '../../src/batch-room';
import type { Corridor, DoorRequest } from '../../src/corridor';
import type { Connectors } from '../../src/custom-key-stores/connections';
import { type ChangeFeed, type Database, openChangeFeed, openDatabase } from '../../src/db';
import { handle } from '../../src/dispatch';
import { createLog } from '../../src/log';
import { Metrics } from '../../src/metrics';
import { buildServices } from '../../src/services';
import { type OperationName, parseInput, writeOutput } from '../../src/shapes';
import { buildSignatures } from '../../src/signatures';
import { type OpenKeyStores, openCustomKeyStores } from '../../src/store-connections';
import { storeConnectors } from '../../src/store-connectors';
import { type Uses, noteUses } from '../../src/uses';
import { type Vault, openVault } from './access-keys';
import { accountId, callFacts, place, rootOf } from './sample-keys';

/** Everything of a worker but its doors, in this process, on a token and a database of its own. */
export interface Site extends Vault {
  /** A worker that reaches database and token through these. */
  worker(ports?: { readonly database: Database; readonly token: Token }): Corridor;
  close(): Promise<void>;
}

export async function openSite(
  environment: NodeJS.ProcessEnv = {},
  given?: Connectors,
): Promise<Site> {
  const vault = await openVault();
  await vault.issue(accountId, false);
  const { url, database, token } = vault;
  const limits = { statementTimeoutMs: 5000, connectTimeoutMs: 5000 };
  const changes = openChangeFeed({ url, database, waitMs: 3000, connectTimeoutMs: 5000 });
  const config = loadConfig({ CLAVIGER_DATA_DIR: '/nonexistent', ...environment });
  const caches = openCaches(changes, config);
  const log = createLog('error');
  const connectors = given ?? storeConnectors({ config, log, metrics: new Metrics(), token });
  const customKeyStores = openCustomKeyStores({
    ...{ config, database, token, feed: changes, connectors },
    log,
  });
  const { connections } = customKeyStores;
  evictHandles(changes, { database, tokens: () => [token, ...connections.openTokens()] });
  await changes.listening();
  const uses = noteUses({
    ...{ config, database, log: createLog('error'), metrics: new Metrics() },
    onWorn: () => undefined,
  });
  const auditDatabase = openDatabase({ url, poolSize: 1, ...limits });
  const audit = openAuditWriter({ database: auditDatabase, waitMs: 5000 });
  return {
    ...vault,
    worker: (ports = vault) =>
      worker({ ...ports, changes, caches, audit, config, uses, customKeyStores }),
    close: async () => {
      await customKeyStores.close();
      await Promise.all([uses.lastUsed.close(), uses.keyUses.close()]);
      await audit.close();
      await auditDatabase.close();
      await changes.close();
      await vault.remove();
    },
  };
}

interface WorkerParts extends Pick<Corridor, 'database' | 'audit'> {
  readonly token: Token;
  readonly changes: ChangeFeed;
  readonly caches: Caches;
  readonly config: Config;
  readonly uses: Uses;
  readonly customKeyStores: OpenKeyStores;
}

function worker({ database, token, changes, caches, audit, ...rest }: WorkerParts): Corridor {
  const { config, customKeyStores } = rest;
  const ignore = (): void => undefined;
  const parts = {
    ...{ database, token, changes, audit, onLeftover: ignore },
    storeConnections: customKeyStores.connections,
  };
  const signatures = buildSignatures({ config, database, token, caches });
  const attestations = new Attestations({ roots: [], onRefused: ignore });
  const services = buildServices(config, {
    ...{ ...parts, caches, signatures, attestations, customKeyStores, ...rest.uses },
  });
  return {
    ...{ ...parts, services, batchRoom: new BatchRoom() },
    service: { region: place.region, accountId },
    onRequest: ignore,
  };
}

/** Of a request, what a test wants different. */
type Different = Partial<Pick<DoorRequest, 'requestId' | 'idempotencyKey' | 'authenticate'>>;

/** What an operation answers to the root of the account, or to whom the test has call. Throws its refusal. */
export async function perform<T = Record<string, unknown>>(
  corridor: Corridor,
  operation: OperationName,
  input: object,
  different: Different = {},
): Promise<T> {
  const request: DoorRequest = {
    requestId: randomUUID(),
    origin: callFacts.origin,
    service: 'kms',
    operation: () => operation,
    authenticate: () => rootOf(accountId),
    input: (name) => parseInput(name, input),
    write: writeOutput,
    ...different,
  };
  const answer = await handle(corridor, request);
  if (!answer.ok) throw answer.error;
  return JSON.parse(answer.output === '' ? '{}' : answer.output) as T;
}
