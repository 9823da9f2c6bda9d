import type { Connected, ConnectOptions } from './connect';
import { HsmError } from './errors';
import { toBuffer } from './formats';
import { InlineSession } from './inline-session';
import type { TokenRef } from './lane-desk';
import type { Lanes } from './lanes';
import type { Library } from './module';
import type { WrapMechanism } from './wrap';
import type { Capabilities, TokenEvent, TokenOptions } from './types';

/** One life of the module: from C_Initialize and login to the loss of the token. */
export interface Connection {
  readonly ref: TokenRef;
  /** For calls in the main thread; absent for a remote token. */
  readonly inline: InlineSession | undefined;
  readonly manufacturer: string;
  readonly model: string;
  /** Keys are used through session clones. */
  readonly clones: boolean;
  /** New keys must keep CKA_MODIFIABLE, or the token would refuse to make or to clone them. */
  readonly modifiable: boolean;
  /** The same for wrapping keys, which are never cloned. */
  readonly wrappingModifiable: boolean;
  /** What wraps key material; where nothing does, why. */
  readonly wrapping: WrapMechanism | string;
  readonly capabilities: Capabilities;
}

export interface ConnectorOptions {
  readonly options: TokenOptions;
  readonly library: Library;
  readonly lanes: Lanes;
  readonly onEvent: (event: TokenEvent) => void;
}

/** Reading 10,000 keys takes SoftHSM 0.8 s, a network login seconds. */
const connectDeadlineMs = 30_000;

/** Why the PIN could not be read may name a file; it stays in the cause. */
async function readPin(options: TokenOptions): Promise<string> {
  try {
    return await options.readPin();
  } catch (error) {
    throw new HsmError('failed', 'the PIN cannot be read', { cause: error });
  }
}

/** Makes connections to the one token. The serial found first is the one that every later connection must find. */
export class Connector {
  #epoch = 0;
  #serial: string | undefined;

  constructor(private readonly parts: ConnectorOptions) {
    this.#serial = parts.options.serial;
  }

  async connect(reinitialise: boolean): Promise<Connection> {
    const { options, lanes } = this.parts;
    const args: ConnectOptions = {
      token: { label: options.label, serial: this.#serial },
      pin: await readPin(options),
      reinitialise,
      local: options.local,
      ivSource: options.ivSource,
      libraryParameters: options.libraryParameters,
    };
    const call = { token: undefined, urgent: true, deadlineMs: connectDeadlineMs };
    const connected = await lanes.run('connect', args, call);
    this.#serial = connected.serial;
    this.#report(connected);
    return this.#connection(connected);
  }

  #connection(connected: Connected): Connection {
    const { library, options } = this.parts;
    const { slot, owner, serial, inline, probe } = connected;
    const clones = options.local && probe.clones;
    return {
      ref: { epoch: (this.#epoch += 1), slot, owner, serial },
      inline: inline && new InlineSession(library, toBuffer(slot), toBuffer(inline)),
      manufacturer: connected.manufacturer,
      model: connected.model,
      clones,
      modifiable: clones ? !probe.clonesSealed : !probe.seals,
      wrappingModifiable: !probe.seals,
      wrapping: probe.wrapping,
      capabilities: { mechanisms: connected.mechanisms, rows: probe.rows },
    };
  }

  #report(connected: Connected): void {
    const { onEvent } = this.parts;
    if (connected.finaliseFailure !== undefined) {
      onEvent({
        level: 'warn',
        message: `old module state not freed: ${connected.finaliseFailure}`,
      });
    }
    for (const row of connected.probe.rows.filter(({ supported }) => !supported)) {
      onEvent({ level: 'warn', message: `the token cannot serve ${row.name}: ${row.note}` });
    }
  }
}
