/** One condition value, or the values of a multi-valued key. Booleans are `true` and `false`, dates ISO 8601. */
export type ConditionValue = string | readonly string[];

/** What a request says of itself, by condition key in lower case (`aws:principaltag/team`). Undefined: key is absent. */
export interface Context {
  get(key: string): ConditionValue | undefined;
}

/** By condition key as AWS spells it: what an operation or a resource supplies to a Context. */
export type Conditions = Readonly<Record<string, ConditionValue | undefined>>;

/** How a Principal element meets the caller (kms-semantics §6.5). */
export type PrincipalMatch =
  /** Not at all. */
  | 'none'
  /** By the caller's account (its root's ARN or its id): delegates to the account's identity policies. */
  | 'account'
  /** By the role of the caller's session: permissions boundary and session policies still limit it. */
  | 'role'
  /** The caller itself: user, session or service ARN, or everyone. */
  | 'caller';

/** What a policy is asked. */
export interface PolicyQuestion {
  /** In lower case: `kms:encrypt`. */
  readonly action: string;
  /** An ARN, or `*`. */
  readonly resource: string;
  readonly context: Context;
}

export interface PolicyAnswer {
  /** Some statement denies. */
  readonly denied: boolean;
  /** The nearest way in which a statement that allows names the caller. An identity policy's is always `caller`. */
  readonly allowed: PrincipalMatch;
}

/** Ways in which a Principal element may name one caller; made once a request. */
export interface PrincipalNames {
  /** The caller's own ARNs: of a role's session the session's alone. Exact text. */
  readonly caller: readonly string[];
  /** The ARN of the session's role. */
  readonly role: string | undefined;
  /** `arn:…:iam::<account>:root`; undefined of a service and of a web identity, which have none. */
  readonly account: string | undefined;
  /** Unique id: a Principal that was stored as AIDA…, AROA…. */
  readonly uniqueId: string | undefined;
  /** Name under `Service`. */
  readonly service: string | undefined;
  /** ARN or name under `Federated`. */
  readonly federated: string | undefined;
  /**
   * The caller has a permissions boundary: then a Deny with NotPrincipal denies it, whomever it excepts (IAM User Guide,
   * "NotPrincipal").
   */
  readonly bounded?: boolean;
}

/** A policy document, read and compiled once. Evaluation is pure, and its time linear in document and request. */
export interface Policy {
  readonly text: string;
  /** Identity, session and boundary policies: they have no Principal. */
  ask(question: PolicyQuestion): PolicyAnswer;
}

/** A key policy or a role's trust policy. */
export interface ResourcePolicy {
  readonly text: string;
  /** AWS principals that the document names, account ids as root ARNs; without `*`. */
  readonly principals: readonly string[];
  ask(question: PolicyQuestion, names: PrincipalNames): PolicyAnswer;
}

/** A role's trust policy: everyone whom it names must exist. */
export interface TrustPolicy extends ResourcePolicy {
  /** Names under `Service`. */
  readonly services: readonly string[];
  /** ARNs and names under `Federated`. */
  readonly federated: readonly string[];
}

/** What a document is not, for those who turn it into their service's error. */
export type PolicyFault =
  /** Not JSON, or no policy's grammar. */
  | 'syntax'
  /** A principal that cannot be one: a group, a malformed id. */
  | 'principal'
  /** A principal's ARN is no ARN. */
  | 'arn'
  /** ForAllValues with a single-valued key that anyone can leave out. */
  | 'overly-permissive';

/** A document that is no policy. `message` says what is wrong, for services that say it. */
export class PolicyError extends Error {
  override readonly name = 'PolicyError';

  constructor(
    readonly fault: PolicyFault,
    message: string,
    options?: { cause?: unknown },
  ) {
    super(message, options);
  }
}
