import type { Queryable } from '../db';
import { invalidPrincipals } from './document';

/** Throws MalformedPolicyDocumentException unless every ARN is a principal that exists (kms-semantics §6.2). */
export async function requirePrincipals(db: Queryable, arns: readonly string[]): Promise<void> {
  const [row] = await db.query<{ known: number }>({
    name: 'principals-known',
    text: 'select count(*)::int as known from principal where arn = any($1::text[])',
    values: [arns],
  });
  if (row?.known !== new Set(arns).size) throw invalidPrincipals();
}
