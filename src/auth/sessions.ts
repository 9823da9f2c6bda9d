import { HsmError, type Token } from '../../hsm';
import type { Awaitable } from '../awaitable';
import { KmsError } from '../errors';
import { type Policy, PolicyError } from '../policy/policy';
import type { Principal } from '../policy/principal';
import { newSessionKeyId } from './access-key-ids';
import { Generations } from './generations';
import type { Sealing } from './sealing';
import type { SealingKeys } from './sealing-keys';
import { Secret } from './secret';
import {
  type Carried,
  deserialise,
  formatToken,
  maxTokenLength,
  packedPolicySize,
  parseToken,
  secretBytes,
  serialise,
  tokenOwner,
} from './session-token';
import type { Credential } from './sigv4';

/** Temporary credentials as they are given out, once. */
export interface IssuedSession {
  readonly accessKeyId: string;
  readonly secretAccessKey: Secret;
  readonly sessionToken: Secret;
  readonly expiresAt: Date;
  /** Percentage of the space for policies and tags that they take. */
  readonly packedPolicySize: number;
}

interface Parts {
  readonly token: Token;
  /** Of the purpose `session-sealing`. */
  readonly sealing: Sealing;
  readonly sealingKeys: SealingKeys;
  /** Compiles a session policy; throws what it throws for what is none. */
  readonly compile: (text: string) => Policy;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Sessions in use at a time that are verified without the token. */
const remembered = 2048;

/**
 * Temporary credentials. Everything about them is sealed in their session token, so that verifying one asks no
 * database: the token opens it once, and the worker remembers it by its text.
 */
export class Sessions {
  private readonly known = new Generations<Credential<Principal>>(remembered);

  constructor(private readonly parts: Parts) {}

  /** Whose temporary credentials these are; undefined when the token is not this access key's, or none of ours. */
  find(
    accessKeyId: string,
    sessionToken: string | undefined,
  ): Awaitable<Credential<Principal> | undefined> {
    if (sessionToken === undefined) return undefined;
    const known = this.known.get(sessionToken);
    if (known !== undefined) return known.accessKeyId === accessKeyId ? known : undefined;
    return this.open(accessKeyId, sessionToken);
  }

  /**
   * Makes temporary credentials. Throws PackedPolicyTooLarge when policies and tags take more space than there is.
   */
  async issue(principal: Carried['principal']): Promise<IssuedSession> {
    const { session, accountId } = principal;
    const size = packedPolicySize(session);
    if (size > 100) throw tooLarge(size, session.policies.length > 0);
    const accessKeyId = newSessionKeyId(accountId, this.parts.token.generateRandom(6));
    const secret = new Secret(this.parts.token.generateRandom(secretBytes).toString('base64'));
    const plaintext = serialise({ secret, principal });
    const keyId = await this.parts.sealingKeys.current();
    const sealed = await this.parts.sealing.seal(plaintext, {
      owner: tokenOwner(accessKeyId),
      keyId,
    });
    plaintext.wipe();
    const text = formatToken(sealed);
    if (text.length > maxTokenLength) {
      throw tooLarge(Math.ceil((text.length * 100) / maxTokenLength), session.policies.length > 0);
    }
    return {
      accessKeyId,
      secretAccessKey: secret,
      sessionToken: new Secret(text),
      expiresAt: session.expiresAt,
      packedPolicySize: size,
    };
  }

  private async open(
    accessKeyId: string,
    sessionToken: string,
  ): Promise<Credential<Principal> | undefined> {
    const sealed = parseToken(sessionToken);
    if (sealed === undefined || !(await this.parts.sealingKeys.has(sealed.sealingKeyId)))
      return undefined;
    const carried = await this.unseal(sealed, accessKeyId);
    if (carried === undefined) return undefined;
    const { secret, principal } = carried;
    const credential: Credential<Principal> = {
      accessKeyId,
      secret,
      principal: { ...principal, accessKeyId },
      sessionToken: new Secret(sessionToken),
      expiresAt: principal.session.expiresAt.getTime(),
    };
    if (principal.session.expiresAt.getTime() > this.parts.now()) {
      this.known.set(sessionToken, credential);
    }
    return credential;
  }

  /** Undefined for a token that was not sealed for this access key. */
  private async unseal(
    sealed: { readonly sealingKeyId: string; readonly blob: Buffer },
    accessKeyId: string,
  ): Promise<Carried | undefined> {
    try {
      const plaintext = await this.parts.sealing.open(sealed, tokenOwner(accessKeyId));
      const carried = deserialise(plaintext, this.parts.compile);
      plaintext.wipe();
      return carried;
    } catch (thrown) {
      if (thrown instanceof HsmError && thrown.code === 'ciphertext-invalid') return undefined;
      // A session policy that an older version took and this one does not: nothing may be allowed by what is left.
      if (thrown instanceof PolicyError) return undefined;
      throw thrown;
    }
  }
}

/** AWS's texts. */
function tooLarge(percent: number, policies: boolean): KmsError {
  return new KmsError(
    'PackedPolicyTooLarge',
    policies
      ? `Packed policy consumes ${percent}% of allotted space, please use smaller policy.`
      : `Packed size of session tags consumes ${percent}% of allotted space.`,
  );
}
