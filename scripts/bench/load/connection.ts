import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';

const endOfHead = Buffer.from('\r\n\r\n');
const bufferBytes = 16 * 1024;

interface Waiting {
  readonly resolve: (body: Buffer) => void;
  readonly reject: (error: Error) => void;
}

/**
 * A keep-alive connection with one request under way at a time. It knows of HTTP what its servers say: a client of
 * node:http costs as much as the server does, and both share the machine that is measured.
 */
export class Connection {
  readonly #socket: Socket;
  #received: Buffer = Buffer.alloc(0);
  #waiting: Waiting | undefined;

  private constructor(port: number, ca: string | undefined) {
    this.#socket = ca === undefined ? this.#connectPlain(port) : this.#connectTls(port, ca);
    this.#socket.on('error', (error) => this.#fail(error));
    this.#socket.on('close', () => this.#fail(new Error('the server closed the connection')));
  }

  /** `ca`: over TLS, to a server whose certificate that authority issued. */
  static async open(port: number, ca?: string): Promise<Connection> {
    const connection = new Connection(port, ca);
    await once(connection.#socket, ca === undefined ? 'connect' : 'secureConnect');
    return connection;
  }

  #connectPlain(port: number): Socket {
    const onread = {
      buffer: Buffer.alloc(bufferBytes),
      callback: (length: number, bytes: Uint8Array): boolean => {
        this.#receive(Buffer.from(bytes.subarray(0, length)));
        return true;
      },
    };
    return connect({ host: '127.0.0.1', port, noDelay: true, onread });
  }

  #connectTls(port: number, ca: string): Socket {
    const socket = connectTls({ host: '127.0.0.1', port, ca });
    socket.setNoDelay(true);
    socket.on('data', (bytes: Buffer) => {
      this.#receive(bytes);
    });
    return socket;
  }

  /** Sends the bytes of a request; resolves with the body of a 200, rejects for every other answer. */
  exchange(request: Buffer): Promise<Buffer> {
    return new Promise((resolve, reject) => {
      if (this.#socket.destroyed) {
        reject(new Error('the server closed the connection'));
        return;
      }
      this.#waiting = { resolve, reject };
      this.#socket.write(request);
    });
  }

  close(): void {
    this.#waiting = undefined;
    this.#socket.destroy();
  }

  #receive(bytes: Buffer): void {
    this.#received = this.#received.length === 0 ? bytes : Buffer.concat([this.#received, bytes]);
    const headEnd = this.#received.indexOf(endOfHead);
    if (headEnd === -1) return;
    const head = this.#received.toString('latin1', 0, headEnd);
    const bodyAt = headEnd + endOfHead.length;
    const length = Number(/\r\nContent-Length: (\d+)/i.exec(head)?.[1] ?? 0);
    if (this.#received.length < bodyAt + length) return;
    const body = this.#received.subarray(bodyAt);
    this.#received = Buffer.alloc(0);
    if (!/^HTTP\/1\.1 20[01] /.test(head) || length === 0 || body.length !== length) {
      this.#fail(new Error(`not the answer of a success: ${head}\n${body.toString()}`));
      return;
    }
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.resolve(body);
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.reject(error);
  }
}
