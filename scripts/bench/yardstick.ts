import cluster from 'node:cluster';
import { randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { openToken, residentKey, type Token } from '../../hsm';
import { auditLine, auditRecord, openAuditWriter, type AuditWriter } from '../../src/audit';
import { Secret } from '../../src/auth/secret';
import { authenticate, SigningKeys, type SigV4Options } from '../../src/auth/sigv4';
import { openDatabase } from '../../src/db';
import type { Principal } from '../../src/policy/principal';
import { type OperationName, operationNames } from './load/workload';

/**
 * The yardstick: the least that a server of this kind can do. node:http, the same signature verification, the same
 * token call and the same audit write as the daemon, and nothing else: no validation, no keys but one, no policy, no
 * log, no metrics, no limits, no shutdown. What the daemon reaches of its rate is what all the rest costs.
 */
export interface YardstickOptions {
  readonly module: string;
  readonly label: string;
  readonly pinFile: string;
  readonly databaseUrl: string;
  readonly tokenKeyId: string;
  readonly principal: Principal;
  readonly secretAccessKey: string;
  readonly region: string;
  readonly workers: number;
}

/** The variable in which the options come, as JSON. */
export const optionsVariable = 'CLAVIGER_BENCH_YARDSTICK';

interface Parts {
  readonly options: YardstickOptions;
  readonly token: Token;
  readonly audit: AuditWriter;
}

interface Input {
  readonly Plaintext: string;
  readonly CiphertextBlob: string;
}

const ivBytes = 12;
const dataKeyBytes = 32;
/** As long as the daemon's: a header of 50 bytes and a digest of 32. */
const aad = Buffer.alloc(82, 1);

async function seal({ token, options }: Parts, plaintext: Buffer): Promise<object> {
  const { iv, ciphertext } = await token.encryptAesGcm(
    residentKey(options.tokenKeyId),
    aad,
    plaintext,
  );
  return {
    CiphertextBlob: Buffer.concat([iv, ciphertext]).toString('base64'),
    KeyId: options.tokenKeyId,
    EncryptionAlgorithm: 'SYMMETRIC_DEFAULT',
  };
}

const operations: Readonly<Record<OperationName, (parts: Parts, input: Input) => Promise<object>>> =
  {
    Encrypt: (parts, input) => seal(parts, Buffer.from(input.Plaintext, 'base64')),
    GenerateDataKey: async (parts) => {
      const plaintext = parts.token.generateRandom(dataKeyBytes);
      return { ...(await seal(parts, plaintext)), Plaintext: plaintext.toString('base64') };
    },
    Decrypt: async ({ token, options }, input) => {
      const blob = Buffer.from(input.CiphertextBlob, 'base64');
      const sealed = { iv: blob.subarray(0, ivBytes), ciphertext: blob.subarray(ivBytes), aad };
      const plaintext = await token.decryptAesGcm(residentKey(options.tokenKeyId), sealed);
      return { KeyId: options.tokenKeyId, Plaintext: plaintext.toString('base64') };
    },
  };

async function serve(options: YardstickOptions): Promise<void> {
  const token = await openToken({
    module: options.module,
    label: options.label,
    readPin: () => readFileSync(options.pinFile, 'utf8').trim(),
    local: true,
    lanes: 1,
    deadlineMs: 5000,
    ivSource: 'random',
    maxCachedKeys: 10,
  });
  const limits = { statementTimeoutMs: 5000, connectTimeoutMs: 2000 };
  const database = openDatabase({ url: options.databaseUrl, poolSize: 1, ...limits });
  const audit = openAuditWriter({ database, waitMs: 5000 });
  const parts = { options, token, audit };
  const sigV4 = signatures(options);
  const server = createServer((req, res) => {
    const chunks: Buffer[] = [];
    req.on('data', (chunk: Buffer) => chunks.push(chunk));
    req.on('end', () => {
      answer(parts, sigV4, { req, res, body: Buffer.concat(chunks) }).catch((error: unknown) => {
        res.writeHead(500).end(error instanceof Error ? error.message : 'failed');
      });
    });
  });
  server.keepAliveTimeout = 75_000;
  server.listen({ host: '127.0.0.1', port: 0 }, () => {
    process.send?.((server.address() as AddressInfo).port);
  });
}

function signatures(options: YardstickOptions): SigV4Options<Principal> {
  const { principal, region, secretAccessKey } = options;
  const { accessKeyId = '' } = principal;
  const credential = { accessKeyId, secret: new Secret(secretAccessKey), principal };
  return {
    regions: [region],
    services: ['kms'],
    now: Date.now,
    find: (id) => (id === accessKeyId ? credential : undefined),
    signingKeys: new SigningKeys(),
  };
}

interface Exchange {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly body: Buffer;
}

async function answer(
  parts: Parts,
  sigV4: SigV4Options<Principal>,
  { req, res, body }: Exchange,
): Promise<void> {
  const { method = '', url = '', rawHeaders } = req;
  const { principal } = await authenticate({ method, url, rawHeaders, body }, sigV4);
  const operation = operationNames.find(
    (name) => req.headers['x-amz-target'] === `TrentService.${name}`,
  );
  if (operation === undefined) throw new Error('no such operation');
  const output = await operations[operation](parts, JSON.parse(body.toString('utf8')) as Input);
  await parts.audit.append(lineOf(operation, principal, { parts, req }));
  const text = JSON.stringify(output);
  res.writeHead(200, {
    'Content-Type': 'application/x-amz-json-1.1',
    'Content-Length': Buffer.byteLength(text),
  });
  res.end(text);
}

function lineOf(
  operation: string,
  caller: Principal,
  { parts: { options }, req }: { readonly parts: Parts; readonly req: IncomingMessage },
): string {
  const { accountId } = caller;
  return auditLine(
    auditRecord({
      completedAt: new Date(),
      eventId: randomUUID(),
      requestId: randomUUID(),
      service: 'kms',
      eventName: operation,
      caller,
      region: options.region,
      sourceIPAddress: '127.0.0.1',
      userAgent: req.headers['user-agent'],
      requestParameters: { keyId: options.tokenKeyId, encryptionContext: { record: '1' } },
      responseElements: null,
      readOnly: true,
      resources: [{ accountId, arn: options.tokenKeyId }],
      recipientAccountId: accountId,
    }),
  );
}

function supervise({ workers }: YardstickOptions): void {
  for (let index = 0; index < workers; index += 1) cluster.fork();
  let listening = 0;
  cluster.on('message', (_, port: number) => {
    listening += 1;
    if (listening === workers) process.send?.(port);
  });
  cluster.on('exit', () => process.exit(1));
  process.on('disconnect', () => process.exit());
}

if (require.main === module) {
  const options = JSON.parse(process.env[optionsVariable] ?? '{}') as YardstickOptions;
  if (cluster.isPrimary) supervise(options);
  else void serve(options);
}
