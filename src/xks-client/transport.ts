import type { ClientRequest, IncomingMessage } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { type LookupFunction, isIP } from 'node:net';
import { type PeerCertificate, checkServerIdentity, createSecureContext } from 'node:tls';
import { XksFault, type XksFaultKind } from './client';

/** Where a proxy is, and how it is believed. */
export interface TransportOptions {
  /** Of the endpoint: what the certificate must be of. */
  readonly host: string;
  /** What is connected to, where that is not the host and 443. */
  readonly connectTo?: { readonly host: string; readonly port: number } | undefined;
  /** PEM; in place of the public authorities. */
  readonly ca?: Buffer | undefined;
  /** PEM of our client certificate and its key. */
  readonly identity?: { readonly cert: Buffer; readonly key: Buffer } | undefined;
  /** In place of node's own. */
  readonly lookup?: LookupFunction | undefined;
  /** For one try, from connecting to the last byte of the answer. */
  readonly deadlineMs: number;
}

export interface Posted {
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** On a connection of its own: whatever is wrong with one that was kept is not met twice. */
  readonly fresh: boolean;
}

export interface RawAnswer {
  readonly status: number;
  readonly contentType: string | undefined;
  readonly body: Buffer;
}

/** The four suites of which every proxy has one (xks-proxy §1.1). */
const ciphers = [
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
].join(':');

/** Of one worker to one proxy. More requests wait, within their deadline. */
const maxConnections = 64;
/** A connection without use is closed before what stands between forgets it (a network load balancer: 350 s). */
const idleMs = 60_000;
/** The longest answer, of Encrypt, is under 7 KB. */
const maxAnswerBytes = 65_536;

/** HTTP/1.1 over TLS to one proxy, on connections that are kept. Every failure is an XksFault, within the deadline. */
export class Transport {
  private readonly kept: Agent;
  private readonly fresh: Agent;
  private readonly watched = new WeakMap<object, { readonly secured: boolean }>();

  constructor(private readonly options: TransportOptions) {
    const { host, ca, identity, deadlineMs, lookup } = options;
    const connection = {
      // What is no certificate, or no key of one, is found here.
      secureContext: createSecureContext({ ca, ...identity, ciphers, minVersion: 'TLSv1.2' }),
      // Whatever NODE_TLS_REJECT_UNAUTHORIZED says, for the sake of something else in this process.
      rejectUnauthorized: true,
      ALPNProtocols: ['http/1.1'],
      ...(lookup && { lookup }),
      // An address is no name that a server could be asked for (RFC 6066 §3).
      servername: isIP(host) === 0 ? host : '',
      checkServerIdentity: (_: string, certificate: PeerCertificate) =>
        checkServerIdentity(host, certificate),
      // A name with addresses of both families: the second has its turn within the deadline.
      autoSelectFamilyAttemptTimeout: Math.max(10, Math.floor(deadlineMs / 3)),
    } as const;
    const limits = { maxSockets: maxConnections, timeout: idleMs };
    this.kept = new Agent({ ...connection, ...limits, keepAlive: true, scheduling: 'lifo' });
    this.fresh = new Agent({ ...connection, ...limits, keepAlive: false });
  }

  post(posted: Posted): Promise<RawAnswer> {
    const { host, connectTo, deadlineMs } = this.options;
    const at = connectTo ?? { host, port: 443 };
    return new Promise((resolve, reject) => {
      const request = httpsRequest({
        ...at,
        agent: posted.fresh ? this.fresh : this.kept,
        method: 'POST',
        path: posted.path,
        headers: { ...posted.headers, 'content-length': String(posted.body.length) },
      });
      const isSecured = this.watch(request);
      const end = (): void => {
        clearTimeout(timer);
        // A request that has its answer has let go of its connection already.
        request.destroy();
      };
      const fail = (error: unknown): void => {
        end();
        reject(error instanceof XksFault ? error : faultOf(error, isSecured()));
      };
      const timer = setTimeout(() => fail(tooLate(isSecured(), deadlineMs)), deadlineMs);
      request.on('error', fail);
      request.on('response', (response) => {
        readAnswer(response).then((answer) => {
          clearTimeout(timer);
          resolve(answer);
        }, fail);
      });
      request.end(posted.body);
    });
  }

  /** Whether the request's connection stands, which is the border between who cannot be reached and who does not answer. */
  private watch(request: ClientRequest): () => boolean {
    let connection: object | undefined;
    request.once('socket', (socket) => {
      connection = socket;
      if (this.watched.has(socket)) return;
      this.watched.set(socket, { secured: false });
      socket.once('secureConnect', () => this.watched.set(socket, { secured: true }));
    });
    return () => connection !== undefined && this.watched.get(connection)?.secured === true;
  }

  close(): void {
    this.kept.destroy();
    this.fresh.destroy();
  }
}

async function readAnswer(response: IncomingMessage): Promise<RawAnswer> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of response as AsyncIterable<Buffer>) {
    length += chunk.length;
    if (length > maxAnswerBytes) {
      throw new XksFault('invalid-response', `the answer has more than ${maxAnswerBytes} bytes`);
    }
    chunks.push(chunk);
  }
  return {
    status: response.statusCode ?? 0,
    contentType: response.headers['content-type'],
    body: Buffer.concat(chunks),
  };
}

function tooLate(secured: boolean, deadlineMs: number): XksFault {
  return secured
    ? new XksFault('timed-out', `no answer within ${deadlineMs} ms`)
    : new XksFault('unreachable', `no connection within ${deadlineMs} ms`);
}

function faultOf(error: unknown, secured: boolean): XksFault {
  const kind = kindOf(error as NodeJS.ErrnoException, secured);
  return new XksFault(kind, sentences[kind], { cause: error });
}

type ConnectionFaultKind = Extract<XksFaultKind, 'tls' | 'invalid-response' | 'unreachable'>;

const sentences: Readonly<Record<ConnectionFaultKind, string>> = {
  tls: 'no TLS connection',
  'invalid-response': 'the answer is not HTTP',
  unreachable: 'the connection failed',
};

/**
 * OpenSSL's own errors are of TLS whenever they come: with TLS 1.3 a server refuses our certificate after the handshake.
 * Before the connection stands, whatever is no error of a system call is a certificate that was not believed.
 */
function kindOf(
  { code = '', syscall }: NodeJS.ErrnoException,
  secured: boolean,
): ConnectionFaultKind {
  if (/^(ERR_SSL_|ERR_TLS_|EPROTO$)/.test(code)) return 'tls';
  if (code.startsWith('HPE_')) return 'invalid-response';
  const ofNetwork = code === 'ECONNRESET' || syscall !== undefined;
  return secured || ofNetwork ? 'unreachable' : 'tls';
}
