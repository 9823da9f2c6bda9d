import { HsmError } from '../errors';
import type { MaterialKind } from '../material-types';
import { Pkcs11Token } from '../token';
import type { NewKeyName, TokenEvent } from '../types';
import type { Channel } from './channel';
import { Exclusive } from './exclusive';
import { failureOf } from './failure';
import {
  type FromHost,
  handle,
  type Handlers,
  type HostedMethod,
  type HostedOptions,
  type Snapshot,
  type ToHost,
} from './messages';

type Call = Extract<ToHost, { is: 'call' }>;
type Method = (...args: readonly unknown[]) => unknown;

/** Between two signs of life. */
const beatMs = 1000;

/** The token in its process: does what is asked over the channel. */
export class Host {
  readonly #channel: Pick<Channel<FromHost, ToHost>, 'send' | 'end'>;
  readonly #exclusive = new Map<number, Exclusive>();
  #token: Pkcs11Token | undefined;
  #beat: NodeJS.Timeout | undefined;
  #state: string | undefined;
  #pinWaiters: ((pin: string | undefined) => void)[] = [];

  readonly #handlers: Handlers<ToHost> = {
    open: ({ options }) => this.#open(options),
    call: (call) => this.#call(call),
    evict: ({ id }) => this.#token?.evict(id),
    evictAll: () => this.#token?.evictAll(),
    pin: ({ pin }) => this.#givePin(pin),
    'no-pin': () => this.#pinWaiters.shift()?.(undefined),
    turn: ({ seq }) => this.#exclusive.get(seq)?.begin(),
    'turn-over': ({ seq, ok }) => this.#exclusive.get(seq)?.end(ok),
    close: () => this.#close(),
  };

  constructor(channel: Pick<Channel<FromHost, ToHost>, 'send' | 'end'>) {
    this.#channel = channel;
  }

  receive(message: ToHost): void {
    handle(this.#handlers, message);
  }

  /** The daemon hears of it by the end of the channel. */
  async #close(): Promise<void> {
    clearInterval(this.#beat);
    try {
      await this.#token?.close();
    } catch (error) {
      this.#tell({ level: 'warn', message: `not closed: ${failureOf(error).message}` });
    }
    this.#channel.end();
  }

  async #open(options: HostedOptions): Promise<void> {
    // Life is shown from here on: a login may take longer than silence is borne.
    this.#beat = setInterval(() => this.#showState(), beatMs);
    try {
      const token = await Pkcs11Token.open(
        {
          ...options,
          readPin: () => this.#readPin(),
          onEvent: (event) => this.#tell(event),
          onFailed: (reason) => this.#channel.send({ is: 'failed', reason }),
        },
        () => undefined,
      );
      this.#token = token;
      const opened = { ...snapshotOf(token), capabilities: token.capabilities };
      this.#channel.send({ is: 'opened', opened });
    } catch (error) {
      const failure = failureOf(error);
      this.#channel.send({
        ...{ is: 'refused', failure },
        pinRefused: failure.code === 'pin-incorrect',
      });
    }
  }

  #readPin(): Promise<string> {
    return new Promise((resolve, reject) => {
      this.#pinWaiters.push((pin) => {
        if (pin === undefined) reject(new Error('the daemon has no PIN to give'));
        else resolve(pin);
      });
      this.#channel.send({ is: 'pin-wanted' });
    });
  }

  #givePin(bytes: Uint8Array): void {
    const pin = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#pinWaiters.shift()?.(pin.toString());
    pin.fill(0);
  }

  #tell(event: TokenEvent): void {
    // First: whoever hears that the token is lost must find it so.
    this.#showState();
    this.#channel.send({ is: 'event', event });
  }

  #showState(): void {
    const token = this.#token;
    if (token === undefined) {
      this.#channel.send({ is: 'alive' });
      return;
    }
    const snapshot = snapshotOf(token);
    this.#state = snapshot.status.state;
    this.#channel.send({ is: 'state', snapshot });
  }

  #call(call: Call): void {
    try {
      const result = this.#run(call);
      if (result instanceof Promise) {
        result.then(
          (value) => this.#answer(call, value),
          (error: unknown) => this.#fail(call, error),
        );
      } else this.#answer(call, result);
    } catch (error) {
      this.#fail(call, error);
    }
  }

  #run({ seq, method, args }: Call): unknown {
    const token = this.#token;
    if (token === undefined) throw new HsmError('token-unavailable', 'the token is not open');
    if (method === 'generateKey') return this.#generateKey(token, seq, args);
    return (token[method] as Method).call(token, ...args);
  }

  async #generateKey(token: Pkcs11Token, seq: number, args: readonly unknown[]): Promise<unknown> {
    const [kind, name] = args as [MaterialKind, NewKeyName];
    const exclusive = new Exclusive(seq, (message) => this.#channel.send(message));
    this.#exclusive.set(seq, exclusive);
    try {
      return await token.generateKey(kind, name, (work) => exclusive.run(work));
    } finally {
      this.#exclusive.delete(seq);
    }
  }

  #answer(call: Call, value: unknown): void {
    const { seq, method } = call;
    wipeArguments(call);
    const secret = secretAnswers.has(method) && Buffer.isBuffer(value) ? value : undefined;
    this.#channel.send({ is: 'answer', seq, value }, secret);
  }

  #fail(call: Call, error: unknown): void {
    wipeArguments(call);
    const token = this.#token;
    if (token !== undefined && token.status().state !== this.#state) this.#showState();
    this.#channel.send({ is: 'failure', seq: call.seq, failure: failureOf(error) });
  }
}

/** What these answer is wiped here once it is on its way. */
const secretAnswers: ReadonlySet<HostedMethod> = new Set(['decryptAesGcm', 'generateRandom']);

/** The bytes of an argument are this process's own. */
function wipeArguments({ method, args }: Call): void {
  if (method !== 'encryptAesGcm') return;
  const plaintext = args[2];
  if (plaintext instanceof Uint8Array) plaintext.fill(0);
}

function snapshotOf(token: Pkcs11Token): Snapshot {
  const { pinRefused } = token;
  return { status: token.status(), counters: token.counters(), pinRefused };
}
