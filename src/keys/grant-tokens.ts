import { HsmError } from '../../hsm';
import type { Awaitable } from '../awaitable';
import type { Sealed, Sealing } from '../auth/sealing';
import type { SealingKeys } from '../auth/sealing-keys';
import { Secret } from '../auth/secret';
import { KmsError } from '../errors';
import type { Grant } from './grants';

/** Which grant a token is of. */
export type TokenGrant = Pick<Grant, 'grantId' | 'keyId'>;

interface Parts {
  /** Of the purpose `grant-token-sealing`. */
  readonly sealing: Sealing;
  readonly sealingKeys: SealingKeys;
}

/** First byte of every token: another version has another layout. */
const version = 1;
const keyIdBytes = 32;
const headerBytes = 1 + keyIdBytes;
const ivBytes = 12;
const tagBytes = 16;
const grantIdBytes = 32;

/**
 * What the seal binds a token to: no other ciphertext of the HSM token has such associated data, so none can pass as a
 * grant token.
 */
const owner = `grant-token-sealing/${version}`;

/**
 * Grant tokens: a grant's and its key's id under AES-GCM, so that a token is another one each time, tells nothing, and
 * cannot be made up. It gives no permission: changes are seen everywhere when they are answered, so the grant itself
 * does (kms-semantics §7.4).
 */
export class GrantTokens {
  constructor(private readonly parts: Parts) {}

  /** Version, sealing key, IV, ciphertext, tag; in base64url. */
  async seal({ grantId, keyId }: TokenGrant): Promise<string> {
    const plaintext = new Secret(Buffer.concat([Buffer.from(grantId, 'hex'), Buffer.from(keyId)]));
    const sealed = await this.parts.sealing.seal(plaintext, {
      owner,
      keyId: await this.parts.sealingKeys.current(),
    });
    const key = Buffer.from(sealed.sealingKeyId, 'hex');
    return Buffer.concat([Buffer.from([version]), key, sealed.blob]).toString('base64url');
  }

  /** The grant may be gone since. Throws InvalidGrantTokenException for what is no token of ours, and does not say why. */
  async open(text: string): Promise<TokenGrant> {
    const sealed = parse(text);
    if (sealed === undefined || !(await this.parts.sealingKeys.has(sealed.sealingKeyId))) {
      throw invalidGrantToken();
    }
    const bytes = (await this.unseal(sealed)).reveal();
    return {
      grantId: bytes.toString('hex', 0, grantIdBytes),
      keyId: bytes.toString('latin1', grantIdBytes),
    };
  }

  private async unseal(sealed: Sealed): Promise<Secret> {
    try {
      return await this.parts.sealing.open(sealed, owner);
    } catch (thrown) {
      if (thrown instanceof HsmError && thrown.code === 'ciphertext-invalid') {
        throw invalidGrantToken();
      }
      throw thrown;
    }
  }
}

/**
 * The GrantTokens of a request, where its operation takes any, may be of any grants: whatever they allow their grants
 * allow too. Throws InvalidGrantTokenException unless all are tokens.
 */
export function checkGrantTokens(
  input: object,
  { grantTokens }: { readonly grantTokens: GrantTokens },
): Awaitable<unknown> {
  const { GrantTokens: given = [] } = input as { readonly GrantTokens?: readonly string[] };
  return given.length === 0 ? undefined : Promise.all(given.map((text) => grantTokens.open(text)));
}

/** Undefined for what is no token of ours. A token has one spelling only. */
function parse(text: string): Sealed | undefined {
  const bytes = Buffer.from(text, 'base64url');
  if (bytes.toString('base64url') !== text) return undefined;
  if (bytes[0] !== version) return undefined;
  if (bytes.length <= headerBytes + ivBytes + grantIdBytes + tagBytes) return undefined;
  return {
    sealingKeyId: bytes.toString('hex', 1, headerBytes),
    blob: bytes.subarray(headerBytes),
  };
}

function invalidGrantToken(): KmsError {
  return new KmsError('InvalidGrantTokenException', 'The grant token is not valid.');
}
