import { connect } from 'node:net';
import type { Socket } from 'node:net';

/** A TCP connection whose bytes a test writes and reads itself. */
export class RawConnection {
  #received = '';
  #ended = false;
  #watchers: (() => void)[] = [];

  private constructor(readonly socket: Socket) {
    socket.setEncoding('latin1');
    socket.on('data', (text: string) => {
      this.#received += text;
      this.#wake();
    });
    // A reset is an end like any other here; what was received before it is what counts.
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.#ended = true;
      this.#wake();
    });
  }

  static open(port: number): Promise<RawConnection> {
    return new Promise((resolve, reject) => {
      const socket = connect({ host: '127.0.0.1', port });
      socket.once('error', reject);
      socket.once('connect', () => {
        socket.off('error', reject);
        resolve(new RawConnection(socket));
      });
    });
  }

  get received(): string {
    return this.#received;
  }

  get closed(): boolean {
    return this.#ended;
  }

  write(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Resolves once `pattern` has been received; rejects when the connection ends before. */
  async until(pattern: RegExp): Promise<string> {
    while (!pattern.test(this.#received)) {
      if (this.#ended)
        throw new Error(`the connection ended after ${JSON.stringify(this.#received)}`);
      await this.#change();
    }
    return this.#received;
  }

  /** Everything received up to the end of the connection. */
  async end(): Promise<string> {
    while (!this.#ended) await this.#change();
    return this.#received;
  }

  destroy(): void {
    this.socket.destroy();
  }

  #change(): Promise<void> {
    return new Promise((resolve) => this.#watchers.push(resolve));
  }

  #wake(): void {
    const watchers = this.#watchers;
    this.#watchers = [];
    for (const watcher of watchers) watcher();
  }
}
