import type { FeedCache, Queryable } from '../db';
import { type Principal, type Session, roleSessionArn } from '../policy/principal';
import type { IdentityRules, IdentityTarget } from './identity-rules';

/** A principal that a rule names, as the database has it. */
export interface RulePrincipal {
  readonly kind: 'role' | 'user' | 'service';
  readonly accountId: string;
  /** Of a service its name. */
  readonly arn: string;
  /** AROA…, AIDA…; of a service its name. */
  readonly id: string;
  readonly name: string;
}

/** By ARN, or by the name of a service. */
export type RulePrincipalMap = ReadonlyMap<string, RulePrincipal>;

/** The one entry of the cache: the rules name few principals, and whatever changes one drops them all. */
export const everyRulePrincipal = '*';

interface Parts {
  readonly db: Queryable;
  readonly rules: IdentityRules;
  readonly cache: FeedCache<RulePrincipalMap>;
}

/** The principals that the identity rules name. */
export class RulePrincipals {
  private readonly names: readonly string[];

  constructor(private readonly parts: Parts) {
    const { certificates, tokens } = parts.rules;
    this.names = [...new Set([...certificates, ...tokens].map(({ target }) => nameOf(target)))];
  }

  /** Returns at once when the worker knows it; undefined for one that does not exist, or is of another kind. */
  find(target: IdentityTarget): RulePrincipal | undefined | Promise<RulePrincipal | undefined> {
    const known = this.parts.cache.get(everyRulePrincipal)?.get(nameOf(target));
    return known === undefined ? this.load(target) : ofKind(known, target);
  }

  /** Absence is never believed of a cache: a role may have been made since. */
  private async load(target: IdentityTarget): Promise<RulePrincipal | undefined> {
    const name = nameOf(target);
    const all = await this.parts.cache.load(everyRulePrincipal, () => this.read(this.names));
    const found = all?.get(name) ?? (await this.read([name])).get(name);
    return found && ofKind(found, target);
  }

  private async read(names: readonly string[]): Promise<RulePrincipalMap> {
    const rows = await this.parts.db.query<PrincipalRow>({
      name: 'rule-principals',
      text: `
        select principal_id, account_id, arn, kind, name
        from principal
        where kind in ('role', 'user') and arn = any($1::text[])
           or kind = 'service' and principal_id = any($1::text[])`,
      values: [names],
    });
    return new Map(rows.map((row) => [keyOf(row), toRulePrincipal(row)]));
  }
}

interface PrincipalRow {
  readonly principal_id: string;
  readonly account_id: string;
  readonly arn: string;
  readonly kind: RulePrincipal['kind'];
  readonly name: string;
}

function keyOf(row: PrincipalRow): string {
  return row.kind === 'service' ? row.principal_id : row.arn;
}

function toRulePrincipal(row: PrincipalRow): RulePrincipal {
  const { kind, name, account_id: accountId, principal_id: id } = row;
  return { kind, accountId, arn: keyOf(row), id, name };
}

/** Its ARN, or the name of a service. */
export function nameOf(target: IdentityTarget): string {
  return target.kind === 'service' ? target.name : target.arn;
}

function ofKind(found: RulePrincipal, { kind }: IdentityTarget): RulePrincipal | undefined {
  return found.kind === kind ? found : undefined;
}

/** What a proof says beside who it is of; a user and a service have no session by it. */
export interface Proof {
  readonly sessionName: string;
  readonly issuedAt: Date;
  readonly expiresAt: Date;
  readonly webIdentity?: Session['webIdentity'];
}

/** Whoever proved to be the principal: of a role, its session. */
export function asCaller(found: RulePrincipal, proof: Proof): Principal {
  const { kind, accountId, arn, id, name } = found;
  const common = { accountId, accessKeyId: undefined };
  if (kind !== 'role') {
    return { ...common, kind, arn, principalId: id, userName: kind === 'user' ? name : undefined };
  }
  const { sessionName, issuedAt, expiresAt, webIdentity } = proof;
  return {
    ...common,
    kind: 'assumed-role',
    arn: roleSessionArn({ arn, name, sessionName }),
    principalId: `${id}:${sessionName}`,
    userName: undefined,
    session: {
      issuedAt,
      expiresAt,
      role: { roleId: id, arn, name, sessionName },
      policies: [],
      tags: {},
      transitiveTagKeys: [],
      ...(webIdentity && { webIdentity }),
    },
  };
}
