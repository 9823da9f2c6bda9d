import { HsmError } from '../../hsm';
import type { Queryable } from '../db';
import type { Sealed, Sealing } from './sealing';
import type { SealingKeys } from './sealing-keys';
import { Secret } from './secret';

interface Parts {
  readonly sealing: Sealing;
  readonly sealingKeys: SealingKeys;
}

/** First byte of every statement: another version has another layout. */
const version = 1;
const keyIdBytes = 32;
const headerBytes = 1 + keyIdBytes;
/** IV and tag. */
const overheadBytes = 12 + 16;

/**
 * Statements of this service to itself that go through the hands of its callers: under AES-GCM, so that a statement is
 * another one each time, tells nothing, and cannot be made up. In a transaction: see SealingKeys.
 */
export class SealedStatements {
  /** No other ciphertext of the token has such associated data, so that none can pass as a statement of this purpose. */
  private readonly owner: string;

  constructor(private readonly parts: Parts) {
    this.owner = `${parts.sealing.purpose}/${version}`;
  }

  /** Version, sealing key, IV, ciphertext, tag. */
  async seal(plaintext: Buffer, transaction?: Queryable): Promise<Buffer> {
    const { sealing, sealingKeys } = this.parts;
    const keyId = await sealingKeys.current(transaction);
    const sealed = await sealing.seal(new Secret(plaintext), { owner: this.owner, keyId });
    return Buffer.concat([Buffer.from([version]), Buffer.from(keyId, 'hex'), sealed.blob]);
  }

  /** Undefined for what is no statement of ours. */
  async open(bytes: Buffer, transaction?: Queryable): Promise<Buffer | undefined> {
    const { sealingKeys } = this.parts;
    const sealed = parse(bytes);
    if (sealed === undefined || !(await sealingKeys.has(sealed.sealingKeyId, transaction))) {
      return undefined;
    }
    try {
      return (await this.parts.sealing.open(sealed, this.owner)).reveal();
    } catch (thrown) {
      if (thrown instanceof HsmError && thrown.code === 'ciphertext-invalid') return undefined;
      throw thrown;
    }
  }
}

function parse(bytes: Buffer): Sealed | undefined {
  if (bytes[0] !== version || bytes.length <= headerBytes + overheadBytes) return undefined;
  return {
    sealingKeyId: bytes.toString('hex', 1, headerBytes),
    blob: bytes.subarray(headerBytes),
  };
}
