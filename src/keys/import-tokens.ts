import type { ImportAlgorithm, TokenKeyId } from '../../hsm';
import { SealedStatements } from '../auth/sealed-statements';
import type { Queryable } from '../db';
import { KmsError } from '../errors';

/** What an import token says: for which key, by which key pair of the HSM token and how, and until when. */
export interface ImportStatement {
  readonly keyId: string;
  readonly importKeyId: TokenKeyId;
  readonly algorithm: ImportAlgorithm;
  readonly validTo: Date;
}

type Written = Omit<ImportStatement, 'validTo'> & { readonly validTo: number };

/** Import tokens (kms-semantics §9.1): nothing of what they say is kept anywhere else. */
export class ImportTokens {
  private readonly statements: SealedStatements;

  /** `parts` are of the purpose `import-token-sealing`. */
  constructor(parts: ConstructorParameters<typeof SealedStatements>[0]) {
    this.statements = new SealedStatements(parts);
  }

  seal(statement: ImportStatement): Promise<Buffer> {
    const written: Written = { ...statement, validTo: statement.validTo.getTime() };
    return this.statements.seal(Buffer.from(JSON.stringify(written)));
  }

  /**
   * Throws InvalidImportTokenException for what is no token of ours or is another key's, ExpiredImportTokenException for one
   * whose time is over.
   */
  async open(
    token: Buffer,
    { keyId, now, transaction }: { keyId: string; now: Date; transaction?: Queryable },
  ): Promise<ImportStatement> {
    const opened = await this.statements.open(token, transaction);
    if (opened === undefined) throw new KmsError('InvalidImportTokenException');
    // Only this service seals, so its form is not doubted.
    const written = JSON.parse(opened.toString()) as Written;
    if (written.keyId !== keyId) throw new KmsError('InvalidImportTokenException');
    if (written.validTo <= now.getTime()) throw expiredImportToken();
    return { ...written, validTo: new Date(written.validTo) };
  }
}

export function expiredImportToken(cause?: unknown): KmsError {
  return new KmsError('ExpiredImportTokenException', '', { cause });
}
