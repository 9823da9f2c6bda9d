import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import type { TlsOptions } from 'node:tls';
import { Secret } from '../../src/auth/secret';
import { SigningKeys, authenticate } from '../../src/auth/sigv4';
import type { CertificateFiles } from './certificates';

/** A request as the proxy got it. */
export interface ProxyRequest {
  readonly method: string;
  readonly path: string;
  readonly headers: IncomingMessage['headers'];
  readonly body: Readonly<Record<string, unknown>>;
  /** Counts the connections that the proxy has had: requests of one number came on one. */
  readonly connection: number;
}

export interface ProxyAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** Sent as it is where it is a text. */
  readonly body: unknown;
}

/** What the proxy does with a request: `right` is what a proxy does that has no fault. */
export type Behaviour = (request: ProxyRequest, right: () => ProxyAnswer) => ProxyAnswer | Misdeed;

/** Done to the connection. */
export type Misdeed = (response: ServerResponse, tcp: Socket | undefined) => void;

export interface TestProxy {
  readonly port: number;
  readonly requests: readonly ProxyRequest[];
  /** Of the requests from now on. */
  behave(behaviour: Behaviour): void;
  readonly connections: () => number;
  close(): Promise<void>;
}

export const proxyRegion = 'us-east-1';
export const proxyCredential = {
  accessKeyId: 'ABCDEFGHIJKLMNOPQRST',
  secret: 'aSecretOfTheProxyThatIsLongEnoughToBeOne/+=',
};

export const rightly: Behaviour = (_, right) => right();

/**
 * An XKS proxy over TLS with one external key, whose faults are those that a test gives it. What signs is judged by our own
 * verifier, as in the door.
 */
export async function startProxy(
  { certFile, keyFile }: CertificateFiles,
  tls: TlsOptions = {},
): Promise<TestProxy> {
  const key = randomBytes(32);
  const requests: ProxyRequest[] = [];
  let behaviour = rightly;
  let connections = 0;
  const server = createServer({ cert: readFileSync(certFile), key: readFileSync(keyFile), ...tls });
  const numbers = new WeakMap<object, number>();
  // A TLS socket of node's cannot be reset itself.
  const tcp = new Map<number | undefined, Socket>();
  server.on('connection', (socket: Socket) => {
    const { remotePort } = socket;
    tcp.set(remotePort, socket);
    socket.once('close', () => tcp.delete(remotePort));
  });
  server.on('secureConnection', (socket) => numbers.set(socket, ++connections));
  server.on('request', (incoming, response) => {
    void read(incoming).then((bytes) => {
      const request: ProxyRequest = {
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        body: JSON.parse(bytes.toString('utf8')) as ProxyRequest['body'],
        connection: numbers.get(incoming.socket) ?? 0,
      };
      requests.push(request);
      const answer = behaviour(request, () => rightAnswer(key, { incoming, bytes, request }));
      if (typeof answer === 'function') answer(response, tcp.get(incoming.socket.remotePort));
      else send(response, answer);
    });
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  return {
    port: (server.address() as AddressInfo).port,
    requests,
    behave: (next) => (behaviour = next),
    connections: () => connections,
    close: async () => {
      server.closeAllConnections();
      server.close();
      await once(server, 'close');
    },
  };
}

/** An answer with the right members, some of them different. */
export function but(right: ProxyAnswer, members: Readonly<Record<string, unknown>>): ProxyAnswer {
  return { ...right, body: { ...(right.body as object), ...members } };
}

export function refusing(status: number, errorName: string, errorMessage?: string): ProxyAnswer {
  return { status, body: { errorName, errorMessage } };
}

/** Never answers. */
export const hang: Misdeed = () => undefined;
/** Is never done with its answer. */
export const drip: Misdeed = (response) => {
  response.writeHead(200, { 'content-type': 'application/json' });
  const timer = setInterval(() => response.write(' '), 20);
  response.once('close', () => clearInterval(timer));
};
/** Answers in no protocol. */
export const babble: Misdeed = (response) =>
  response.socket?.end('220 mail.example.test ESMTP\r\n');
/** Resets the connection before the answer. */
export const reset: Misdeed = (_, tcp) => tcp?.resetAndDestroy();
/** Ends in the middle of the answer. */
export const half: Misdeed = (response) => {
  response.writeHead(200, { 'content-type': 'application/json', 'content-length': '1000' });
  response.write('{"ciphertext":', () => response.socket?.destroy());
};

function send(response: ServerResponse, { status, headers, body }: ProxyAnswer): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers });
  response.end(typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body));
}

async function read(incoming: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = [];
  for await (const chunk of incoming as AsyncIterable<Buffer>) chunks.push(chunk);
  return Buffer.concat(chunks);
}

interface Received {
  readonly incoming: IncomingMessage;
  readonly bytes: Buffer;
  readonly request: ProxyRequest;
}

function rightAnswer(key: Buffer, received: Received): ProxyAnswer {
  const { incoming, bytes, request } = received;
  try {
    void authenticate(
      { method: 'POST', url: request.path, rawHeaders: incoming.rawHeaders, body: bytes },
      {
        regions: [proxyRegion],
        services: ['kms-xks-proxy'],
        now: Date.now,
        signingKeys: new SigningKeys(),
        find: (accessKeyId) => ({
          accessKeyId,
          secret: new Secret(
            accessKeyId === proxyCredential.accessKeyId ? proxyCredential.secret : 'of nobody',
          ),
          principal: undefined,
        }),
      },
    );
  } catch {
    return refusing(401, 'AuthenticationFailedException', 'the signature is not right');
  }
  const { path, body } = request;
  const ends = /\/kms\/xks\/v1\/(?:keys\/the-key\/)?(metadata|encrypt|decrypt|health)$/;
  const end = ends.exec(path)?.[1];
  const answer = end === undefined ? undefined : answers[end]?.(key, body);
  return answer ?? refusing(404, 'KeyNotFoundException');
}

const answers: Readonly<Record<string, (key: Buffer, body: ProxyRequest['body']) => ProxyAnswer>> =
  {
    metadata: () => ({
      status: 200,
      body: { keySpec: 'AES_256', keyUsage: ['ENCRYPT', 'DECRYPT'], keyStatus: 'ENABLED' },
    }),
    encrypt: (key, body) => ({ status: 200, body: sealed(key, body) }),
    decrypt: (key, body) => opened(key, body),
    health: () => ({
      status: 200,
      body: {
        xksProxyFleetSize: 1,
        xksProxyVendor: 'a test',
        xksProxyModel: 'proxy 1',
        ekmVendor: 'a test',
        ekmFleetDetails: [{ id: '1', model: 'memory', healthStatus: 'ACTIVE' }],
      },
    }),
  };

function aadOf(body: ProxyRequest['body']): Buffer {
  return bytesOf(body, 'additionalAuthenticatedData');
}

/** xks-proxy §1.7 */
function aadOfToken(aad: Buffer, metadata: Buffer): Buffer {
  const length = Buffer.from([aad.length >> 8, aad.length & 255]);
  return Buffer.concat([length, aad, Buffer.from([metadata.length]), metadata]);
}

function sealed(key: Buffer, body: ProxyRequest['body']): object {
  const iv = randomBytes(12);
  const metadata = Buffer.from('generation 1');
  const cipher = createCipheriv('aes-256-gcm', key, iv).setAAD(aadOfToken(aadOf(body), metadata));
  const ciphertext = Buffer.concat([cipher.update(bytesOf(body, 'plaintext')), cipher.final()]);
  const tag = cipher.getAuthTag();
  const parts = [aadOf(body), metadata, iv, ciphertext, tag];
  return {
    ciphertext: ciphertext.toString('base64'),
    initializationVector: iv.toString('base64'),
    authenticationTag: tag.toString('base64'),
    ciphertextMetadata: metadata.toString('base64'),
    ciphertextDataIntegrityValue: createHash('sha256')
      .update(Buffer.concat(parts))
      .digest('base64'),
  };
}

function opened(key: Buffer, body: ProxyRequest['body']): ProxyAnswer {
  const decipher = createDecipheriv('aes-256-gcm', key, bytesOf(body, 'initializationVector'))
    .setAAD(aadOfToken(aadOf(body), bytesOf(body, 'ciphertextMetadata')))
    .setAuthTag(bytesOf(body, 'authenticationTag'));
  try {
    const plaintext = Buffer.concat([
      decipher.update(bytesOf(body, 'ciphertext')),
      decipher.final(),
    ]);
    return { status: 200, body: { plaintext: plaintext.toString('base64') } };
  } catch {
    return refusing(400, 'InvalidCiphertextException', 'the tag is not right');
  }
}

function bytesOf(body: ProxyRequest['body'], member: string): Buffer {
  const text = body[member];
  return Buffer.from(typeof text === 'string' ? text : '', 'base64');
}
