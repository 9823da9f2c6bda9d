import type { Duplex } from 'node:stream';
import { deserialize, serialize } from 'node:v8';

const headerBytes = 4;
/** Of one frame: far above what a batch of requests comes to, so that what is longer is no frame. */
const longestFrame = 256 * 1024 * 1024;

export interface ChannelHooks<In> {
  readonly onMessage: (message: In) => void;
  /** Nothing comes any more. */
  readonly onEnd: () => void;
}

/**
 * Messages over a pipe between two processes of ours. What is sent in one turn of the event loop goes as one frame, which
 * costs a system call and a wake-up of the other process only once. node:child_process has a channel too; it writes each
 * message by itself and keeps what it serialised, while here the bytes of plaintexts and PINs are wiped once they are written.
 */
export class Channel<Out, In> {
  readonly #pipe: Duplex;
  readonly #hooks: ChannelHooks<In>;
  #leaving: Out[] = [];
  #secrets: Uint8Array[] = [];
  #arrived: Buffer[] = [];
  #arrivedBytes = 0;
  #frameBytes: number | undefined;

  constructor(pipe: Duplex, hooks: ChannelHooks<In>) {
    this.#pipe = pipe;
    this.#hooks = hooks;
    pipe.on('data', (chunk: Buffer) => this.#receive(chunk));
    // Why it broke does not matter: the other process is gone, and 'close' follows.
    pipe.on('error', () => undefined);
    pipe.once('close', () => hooks.onEnd());
    pipe.once('end', () => pipe.destroy());
  }

  /** `secret`: bytes of the message that are wiped once it is on its way. */
  send(message: Out, secret?: Uint8Array): void {
    if (secret !== undefined) this.#secrets.push(secret);
    if (this.#leaving.push(message) === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const messages = this.#leaving;
    if (messages.length === 0) return;
    this.#leaving = [];
    const body = serialize(messages);
    for (const secret of this.#secrets.splice(0)) secret.fill(0);
    if (!this.#pipe.writable) return void body.fill(0);
    const header = Buffer.allocUnsafe(headerBytes);
    header.writeUInt32LE(body.length);
    this.#pipe.cork();
    this.#pipe.write(header);
    this.#pipe.write(body, () => body.fill(0));
    this.#pipe.uncork();
  }

  /** After what was sent. */
  end(): void {
    this.#flush();
    this.#pipe.end();
  }

  destroy(): void {
    this.#pipe.destroy();
  }

  #receive(chunk: Buffer): void {
    this.#arrived.push(chunk);
    this.#arrivedBytes += chunk.length;
    for (;;) {
      this.#frameBytes ??= this.#take(headerBytes)?.readUInt32LE();
      if (this.#frameBytes === undefined) return;
      if (this.#frameBytes > longestFrame) {
        this.destroy();
        return;
      }
      const frame = this.#take(this.#frameBytes);
      if (frame === undefined) return;
      this.#frameBytes = undefined;
      const messages = this.#read(frame);
      if (messages === undefined) return;
      for (const message of messages) if (!this.#hear(message)) return;
    }
  }

  /** A message that nothing can be done with ends the channel, and not the process that it came to. */
  #hear(message: In): boolean {
    try {
      this.#hooks.onMessage(message);
      return true;
    } catch {
      this.destroy();
      return false;
    }
  }

  /** Who writes anything else into the pipe, as a library that is out of its mind may, is not listened to any more. */
  #read(frame: Buffer): readonly In[] | undefined {
    try {
      const messages: unknown = deserialize(frame);
      if (Array.isArray(messages)) return messages as In[];
    } catch {
      // As below.
    }
    this.destroy();
    return undefined;
  }

  /** A view of what arrived where it is in one piece. */
  #take(length: number): Buffer | undefined {
    if (this.#arrivedBytes < length) return undefined;
    const [first] = this.#arrived;
    if (first === undefined || first.length < length) this.#join();
    const [whole] = this.#arrived;
    if (whole === undefined) return undefined;
    this.#arrivedBytes -= length;
    if (whole.length === length) this.#arrived.shift();
    else this.#arrived[0] = whole.subarray(length);
    return whole.subarray(0, length);
  }

  #join(): void {
    const joined = Buffer.concat(this.#arrived);
    for (const part of this.#arrived) part.fill(0);
    this.#arrived = [joined];
  }
}
