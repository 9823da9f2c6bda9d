import { randomUUID } from 'node:crypto';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { auditLine, auditRecord, openAuditWriter, type AuditedCall } from '../../src/audit';
import { migrate, openDatabase } from '../../src/db';
import { startPostgres } from '../postgres';

const seconds = 5;
const appenders = [1, 64, 256];

const arn = 'arn:aws:kms:us-east-1:000000000000:key/1234abcd-12ab-34cd-56ef-1234567890ab';

function call(): AuditedCall {
  return {
    completedAt: new Date(),
    eventId: randomUUID(),
    requestId: randomUUID(),
    service: 'kms',
    eventName: 'Encrypt',
    caller: {
      kind: 'user',
      accountId: '000000000000',
      arn: 'arn:aws:iam::000000000000:user/bench',
      principalId: 'AIDAEXAMPLEID',
      userName: 'bench',
      accessKeyId: 'AKIAIOSFODNN7EXAMPLE',
    },
    region: 'us-east-1',
    sourceIPAddress: '127.0.0.1',
    userAgent: 'bench',
    requestParameters: { keyId: arn, encryptionAlgorithm: 'SYMMETRIC_DEFAULT' },
    responseElements: null,
    readOnly: true,
    resources: [{ accountId: '000000000000', arn }],
    recipientAccountId: '000000000000',
  };
}

/** Microseconds to build one record and its line. */
function lineCost(): number {
  const count = 200_000;
  const start = performance.now();
  for (let index = 0; index < count; index += 1) auditLine(auditRecord(call()));
  return ((performance.now() - start) * 1000) / count;
}

/** Committed rows a second with so many appenders, each waiting for its own record. */
async function rowsPerSecond(url: string, concurrent: number): Promise<string> {
  const database = openDatabase({
    url,
    poolSize: 1,
    statementTimeoutMs: 5000,
    connectTimeoutMs: 2000,
  });
  let flushes = 0;
  const writer = openAuditWriter({ database, waitMs: 5000, onFlush: () => (flushes += 1) });
  const latencies: number[] = [];
  const end = performance.now() + seconds * 1000;
  await Promise.all(
    Array.from({ length: concurrent }, async () => {
      for (let start = performance.now(); start < end; start = performance.now()) {
        await writer.append(auditLine(auditRecord(call())));
        latencies.push(performance.now() - start);
      }
    }),
  );
  await writer.close();
  await database.close();
  latencies.sort((a, b) => a - b);
  const at = (share: number): string =>
    (latencies[Math.floor(latencies.length * share)] ?? Number.NaN).toFixed(2);
  return (
    `${concurrent} appenders: ${Math.round(latencies.length / seconds)} rows/s, ` +
    `${(latencies.length / flushes).toFixed(0)} rows a commit, p50 ${at(0.5)} ms, p99 ${at(0.99)} ms`
  );
}

/** Group commit against a Postgres that writes through to the disk. */
async function main(): Promise<void> {
  const directory = mkdtempSync(path.join(tmpdir(), 'claviger-bench-'));
  // As root the server runs under another account, which must pass through here.
  chmodSync(directory, 0o711);
  const postgres = await startPostgres({ dataDir: path.join(directory, 'pg') });
  try {
    await migrate(postgres.url);
    process.stdout.write(`one record and its line: ${lineCost().toFixed(2)} us\n`);
    for (const concurrent of appenders) {
      process.stdout.write(`${await rowsPerSecond(postgres.url, concurrent)}\n`);
    }
  } finally {
    await postgres.stop();
    rmSync(directory, { recursive: true, force: true });
  }
}

void main();
