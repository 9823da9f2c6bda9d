import type { Awaitable } from '../awaitable';
import { SealedStatements } from '../auth/sealed-statements';
import type { Queryable } from '../db';
import { type KmsError, refusedMember } from '../errors';
import type { Grant } from './grants';

/** Which grant a token is of. */
export type TokenGrant = Pick<Grant, 'grantId' | 'keyId'>;

const grantIdBytes = 32;

/**
 * Grant tokens: a grant's and its key's id, sealed. A token gives no permission: changes are seen everywhere when they are
 * answered, so the grant itself does (kms-semantics §7.4).
 */
export class GrantTokens {
  private readonly statements: SealedStatements;

  /** `parts` are of the purpose `grant-token-sealing`. */
  constructor(parts: ConstructorParameters<typeof SealedStatements>[0]) {
    this.statements = new SealedStatements(parts);
  }

  /** In base64url. */
  async seal({ grantId, keyId }: TokenGrant, transaction?: Queryable): Promise<string> {
    const statement = Buffer.concat([Buffer.from(grantId, 'hex'), Buffer.from(keyId)]);
    return (await this.statements.seal(statement, transaction)).toString('base64url');
  }

  /**
   * The grant may be gone since. Throws InvalidGrantTokenException for what is no token of ours, and does not say why.
   * `member` is where the input has it.
   */
  async open(text: string, member = 'GrantToken'): Promise<TokenGrant> {
    const sealed = Buffer.from(text, 'base64url');
    // A token has one spelling only.
    const bytes =
      sealed.toString('base64url') === text ? await this.statements.open(sealed) : undefined;
    if (bytes === undefined) throw invalidGrantToken(member);
    return {
      grantId: bytes.toString('hex', 0, grantIdBytes),
      keyId: bytes.toString('latin1', grantIdBytes),
    };
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
  if (given.length === 0) return undefined;
  return Promise.all(given.map((text, at) => grantTokens.open(text, `GrantTokens/${at}`)));
}

function invalidGrantToken(member: string): KmsError {
  return refusedMember('InvalidGrantTokenException', member, 'The grant token is not valid.');
}
