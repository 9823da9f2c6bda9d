import { randomUUID } from 'node:crypto';
import type { HealthStatus } from '../xks/health';
import type { RequestMetadata } from '../xks/metadata';
import { readHealth, readKeyMetadata, readMembers, readOpened, readSealed } from './answers';
import { Breaker, type BreakerOptions } from './breaker';
import {
  type ExternalKeyMetadata,
  type ExternallySealed,
  type XksClient,
  XksFault,
  type XksFaultKind,
} from './client';
import { HealthPoll, type Polling } from './health-poll';
import type { ProxyOperation } from './refusals';
import type { ProxySigner } from './signer';
import type { RawAnswer, Transport } from './transport';

export interface ProxyClientOptions {
  readonly signer: Pick<ProxySigner, 'sign'>;
  readonly transport: Pick<Transport, 'post' | 'close'>;
  /** `…/kms/xks/v1` */
  readonly uriPath: string;
  readonly breaker: BreakerOptions;
  /** Each request, its retry included. */
  readonly onRequest?: (event: ProxyRequestEvent) => void;
  /** Without it, health is asked for by whoever wants to know. */
  readonly polling?: Polling;
}

export interface ProxyRequestEvent {
  readonly operation: ProxyOperation;
  readonly seconds: number;
  readonly outcome: 'ok' | XksFaultKind;
}

/** xks-proxy §1.2. With `.` and `..` a path is not what it seems, and is not signed as it is sent. */
const externalKeyIdForm = /^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/;

/** What may be met on a connection, and not on the next (xks-proxy §1.14). No operation changes anything: it may be repeated. */
const retried: ReadonlySet<XksFaultKind> = new Set(['unreachable', 'timed-out']);

const algorithms = {
  encryptionAlgorithm: 'AES_GCM',
  ciphertextDataIntegrityValueAlgorithm: 'SHA_256',
} as const;

interface ProxyRequest {
  readonly operation: ProxyOperation;
  readonly path: string;
  readonly body: object;
}

/** The XKS proxy API, as AWS KMS calls it. */
export class ProxyClient implements XksClient {
  private readonly breaker: Breaker;
  private readonly poll: HealthPoll | undefined;
  private readonly underWay = new Set<Promise<unknown>>();
  private closed = false;

  constructor(private readonly options: ProxyClientOptions) {
    this.breaker = new Breaker(options.breaker);
    const { polling } = options;
    const look = (): Promise<HealthStatus> => this.health('KmsHealthCheck');
    this.poll = polling === undefined ? undefined : new HealthPoll({ ...polling, look });
  }

  async metadata(externalKeyId: string, about: RequestMetadata): Promise<ExternalKeyMetadata> {
    const path = keyPath(externalKeyId, 'metadata');
    const body = { requestMetadata: about };
    return this.ask({ operation: 'GetKeyMetadata', path, body }, readKeyMetadata);
  }

  async encrypt(
    externalKeyId: string,
    sealing: { readonly plaintext: Buffer; readonly aad: Buffer; readonly about: RequestMetadata },
  ): Promise<ExternallySealed> {
    const path = keyPath(externalKeyId, 'encrypt');
    const body = {
      requestMetadata: sealing.about,
      plaintext: sealing.plaintext.toString('base64'),
      additionalAuthenticatedData: sealing.aad.toString('base64'),
      ...algorithms,
    };
    return this.ask({ operation: 'Encrypt', path, body }, (members) =>
      readSealed(members, sealing),
    );
  }

  async decrypt(
    externalKeyId: string,
    opening: {
      readonly sealed: ExternallySealed;
      readonly aad: Buffer;
      readonly about: RequestMetadata;
    },
  ): Promise<Buffer> {
    const { sealed, aad, about } = opening;
    const path = keyPath(externalKeyId, 'decrypt');
    const body = {
      requestMetadata: about,
      ciphertext: sealed.ciphertext.toString('base64'),
      initializationVector: sealed.iv.toString('base64'),
      authenticationTag: sealed.tag.toString('base64'),
      additionalAuthenticatedData: aad.toString('base64'),
      encryptionAlgorithm: algorithms.encryptionAlgorithm,
      ...(sealed.metadata.length === 0
        ? {}
        : { ciphertextMetadata: sealed.metadata.toString('base64') }),
    };
    return this.ask({ operation: 'Decrypt', path, body }, (members) => readOpened(members, sealed));
  }

  async health(kmsOperation: string): Promise<HealthStatus> {
    const body = { requestMetadata: { kmsRequestId: randomUUID(), kmsOperation } };
    return this.ask({ operation: 'GetHealthStatus', path: '/health', body }, readHealth);
  }

  /** Takes no more requests, and resolves when those under way have had their answers. */
  async close(): Promise<void> {
    this.closed = true;
    this.poll?.stop();
    await Promise.allSettled(this.underWay);
    this.options.transport.close();
  }

  private async ask<T>(
    request: ProxyRequest,
    read: (members: Readonly<Record<string, unknown>>) => T,
  ): Promise<T> {
    if (this.closed) {
      throw new XksFault('unreachable', 'the connection to the proxy was closed');
    }
    const asking = this.timed(request, async () =>
      read(readMembers(request.operation, await this.exchange(request))),
    );
    this.underWay.add(asking);
    try {
      return await asking;
    } finally {
      this.underWay.delete(asking);
    }
  }

  private async timed<T>({ operation }: ProxyRequest, work: () => Promise<T>): Promise<T> {
    const started = performance.now();
    const end = (outcome: ProxyRequestEvent['outcome']): void => {
      const seconds = (performance.now() - started) / 1000;
      this.options.onRequest?.({ operation, seconds, outcome });
    };
    try {
      const answer = await work();
      end('ok');
      return answer;
    } catch (thrown) {
      if (thrown instanceof XksFault) end(thrown.kind);
      throw thrown;
    }
  }

  private async exchange({
    operation,
    path: end,
    body: members,
  }: ProxyRequest): Promise<RawAnswer> {
    // Whether the proxy is back is what health is asked for.
    if (operation !== 'GetHealthStatus') this.breaker.requireClosed();
    const path = `${this.options.uriPath}${end}`;
    const body = Buffer.from(JSON.stringify(members), 'utf8');
    try {
      const answer = await this.tryTwice(path, body);
      this.breaker.succeeded();
      return answer;
    } catch (thrown) {
      if (thrown instanceof XksFault) this.breaker.failed(thrown);
      throw thrown;
    }
  }

  private async tryTwice(path: string, body: Buffer): Promise<RawAnswer> {
    try {
      return await this.post(path, body, false);
    } catch (thrown) {
      if (!(thrown instanceof XksFault) || !retried.has(thrown.kind)) throw thrown;
      return await this.post(path, body, true);
    }
  }

  private async post(path: string, body: Buffer, fresh: boolean): Promise<RawAnswer> {
    const headers = {
      ...(await this.options.signer.sign(path, body)),
      'content-type': 'application/json',
    };
    return this.options.transport.post({ path, headers, body, fresh });
  }
}

function keyPath(externalKeyId: string, end: string): string {
  if (!externalKeyIdForm.test(externalKeyId)) {
    throw new XksFault('key-not-found', 'the external key id is none that a proxy can have');
  }
  return `/keys/${externalKeyId}/${end}`;
}
