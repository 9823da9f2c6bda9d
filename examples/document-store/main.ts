import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Pool } from 'pg';
import { application } from './app';
import { Claviger } from './claviger';
import { Documents } from './documents';
import { Rows } from './rows';
import { settings } from './settings';

/** Where requests in flight get no more time when the service is to stop. */
const stopWithinMs = 10_000;

async function main(): Promise<void> {
  const { port, databaseUrl, claviger: place, dataKeys, maxDocumentBytes } = settings(process.env);
  const pool = new Pool({
    connectionString: databaseUrl,
    ...{ max: 10, connectionTimeoutMillis: 3000, statement_timeout: 5000 },
  });
  // A connection that breaks while nobody uses it: the pool opens another one.
  pool.on('error', () => undefined);
  const [claviger, rows] = [new Claviger(place), new Rows(pool)];
  const documents = new Documents(claviger, rows, dataKeys);
  const health = async (): Promise<Record<'database' | 'claviger', boolean>> => {
    const [database, isReady] = await Promise.all([rows.isReady(), claviger.isReady()]);
    return { database, claviger: isReady };
  };
  const log = (event: object): void => {
    process.stderr.write(`${JSON.stringify({ time: new Date(), ...event })}\n`);
  };
  const app = application({ documents, maxDocumentBytes, health, log });
  // A client that sends slowly may not hold a connection and a buffer for ever.
  const server = createServer({ headersTimeout: 10_000, requestTimeout: 30_000 }, app);
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');
  const at = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  process.stdout.write(`document-store is ready at ${at}\n${banner(at)}`);

  await Promise.race(['SIGTERM', 'SIGINT'].map((signal) => once(process, signal)));
  // Takes no more connections, keeps none for requests that could follow, and lets those in flight finish.
  const closed = once(server.close(), 'close');
  server.keepAliveTimeout = 1;
  server.prependListener('request', (_req, res) => res.setHeader('connection', 'close'));
  const late = setTimeout(() => server.closeAllConnections(), stopWithinMs);
  await closed;
  clearTimeout(late);
  documents.close();
  await pool.end();
}

function banner(at: string): string {
  const tenant = `${at}/tenants/acme`;
  return `
In another shell:
  curl -X POST ${at}/tenants -H 'content-type: application/json' -d '{"tenant":"acme"}'
  curl -X PUT ${tenant}/documents/invoice-1 -d 'Invoice 1: 100.00'
  curl ${tenant}/documents/invoice-1
  curl -X POST ${tenant}/rewrap
  curl -X DELETE ${tenant}

Ctrl-C stops it; everything is kept.
`;
}

main().catch((error: unknown) => {
  process.stderr.write(`document-store: ${error instanceof Error ? error.message : 'failed'}\n`);
  process.exitCode = 1;
});
