import { symmetricDefault } from './algorithms/key-rows';
import { HsmError } from './errors';
import { toBuffer, toThread } from './formats';
import { type GcmPlain, openGcm, sealGcm } from './gcm';
import type { KeyObject } from './handles';
import type { KeyUse } from './key-use';
import type { Link } from './link';
import type { Awaitable, GcmOpen, GcmSealed, TokenKey, TokenOptions } from './types';

export interface UseParts {
  readonly options: TokenOptions;
  readonly link: Link;
  readonly use: KeyUse;
}

/** Encrypting and decrypting with AES keys. */
export class AesUse {
  readonly #options: TokenOptions;
  readonly #link: Link;
  readonly #use: KeyUse;

  constructor({ options, link, use }: UseParts) {
    this.#options = options;
    this.#link = link;
    this.#use = use;
  }

  encryptAesGcm(key: TokenKey, aad: Buffer, plaintext: Buffer): Awaitable<GcmSealed> {
    if (plaintext.length === 0) {
      throw new HsmError('failed', 'C_Encrypt: plaintext must be 1 byte or more');
    }
    const input: GcmPlain = { aad, plaintext, ivSource: this.#options.ivSource };
    return this.#use.use(key, symmetricDefault, (object) => this.#seal(object, input));
  }

  decryptAesGcm(key: TokenKey, sealed: GcmOpen): Awaitable<Buffer> {
    return this.#use.use(key, symmetricDefault, (object) => this.#unseal(object, sealed));
  }

  #seal(key: KeyObject, input: GcmPlain): Awaitable<GcmSealed> {
    const { inline } = this.#link.live;
    if (inline !== undefined) {
      return inline.withSession((session) =>
        sealGcm({ library: inline.library, session, key: key.object }, input),
      );
    }
    return this.#sealOnLane(key, input);
  }

  async #sealOnLane(key: KeyObject, input: GcmPlain): Promise<GcmSealed> {
    const { iv, ciphertext } = await this.#link.run('seal', {
      key: toThread(key.object),
      aad: toThread(input.aad),
      plaintext: toThread(input.plaintext),
      ivSource: input.ivSource,
    });
    return { iv: toBuffer(iv), ciphertext: toBuffer(ciphertext) };
  }

  #unseal(key: KeyObject, sealed: GcmOpen): Awaitable<Buffer> {
    const { inline } = this.#link.live;
    if (inline !== undefined) {
      return inline.withSession((session) =>
        openGcm({ library: inline.library, session, key: key.object }, sealed),
      );
    }
    return this.#unsealOnLane(key, sealed);
  }

  async #unsealOnLane(key: KeyObject, sealed: GcmOpen): Promise<Buffer> {
    const plaintext = await this.#link.run('unseal', {
      key: toThread(key.object),
      aad: toThread(sealed.aad),
      iv: toThread(sealed.iv),
      ciphertext: toThread(sealed.ciphertext),
    });
    return toBuffer(plaintext);
  }
}
