import type { PreparedKey, Token } from '../hsm';
import type { Attestations } from './attestation/attestations';
import type { ServiceEvent } from './audit';
import type { PresignedCallers } from './auth/presigned';
import type { Sessions } from './auth/sessions';
import type { WebIdentities } from './auth/web-identity';
import type { Awaitable } from './awaitable';
import type { StoreConnecting } from './custom-key-stores/connecting';
import type { Connectors, StoreConnections } from './custom-key-stores/connections';
import type { StoreSecrets } from './custom-key-stores/secrets';
import type { CustomKeyStore } from './custom-key-stores/store';
import type { Queryable, Transaction } from './db';
import type { AliasStore } from './keys/aliases';
import type { Encryption } from './keys/encryption';
import type { KeyFinder } from './keys/finder';
import type { GrantFinder } from './keys/grant-finder';
import type { GrantTokens } from './keys/grant-tokens';
import type { GrantStore } from './keys/grants';
import type { ImportParametersMaker } from './keys/import-parameters';
import type { Imports } from './keys/imports';
import type { Place } from './keys/identifiers';
import type { Key } from './keys/key';
import type { KeyTokens } from './keys/key-tokens';
import type { KeyUses } from './keys/key-uses';
import type { Keyring } from './keys/keyring';
import type { Limits } from './keys/limits';
import type { MaterialUses } from './keys/material-use';
import type { Materials } from './keys/materials';
import type { Identities } from './iam/identities';
import type { Job } from './jobs/job';
import type { StateRule } from './keys/states';
import type { KeyStore } from './keys/store';
import type { KmsError } from './errors';
import type { Identity } from './policy/identity';
import type { Conditions, ResourcePolicy } from './policy/policy';
import type { GrantScope } from './policy/grants';
import type { Principal } from './policy/principal';
import type { ExternalKeys, XksStores } from './xks/finder';
import type { KeyLastUsageTrackingOperation, KeyUsageType } from './shapes/kms.generated';
import type { RequestOrigin } from './trail';
import type { UndoStep } from './undo';
import type { OperationInputs, OperationName, OperationOutputs } from './shapes/operations';

/** How custom key stores are made, and connected. */
export interface CustomKeyStores {
  readonly secrets: StoreSecrets;
  readonly connectors: Connectors;
  readonly connecting: StoreConnecting;
}

/** What every operation may use. Built once, in main. */
export interface Services {
  readonly place: Place;
  readonly db: Queryable;
  /** The main one. */
  readonly token: Token;
  readonly storeConnections: StoreConnections;
  readonly keyTokens: KeyTokens;
  readonly keys: KeyStore;
  readonly limits: Limits;
  readonly materials: Materials;
  readonly importParameters: ImportParametersMaker;
  readonly imports: Imports;
  /** Destroys objects of the token that are doomed and due; its timer comes to them too. */
  readonly destroyObjects: Pick<Job, 'run'>;
  readonly aliases: AliasStore;
  readonly finder: KeyFinder;
  readonly keyring: Keyring;
  readonly encryption: Encryption;
  readonly materialUses: MaterialUses;
  readonly keyUses: KeyUses;
  readonly grants: GrantStore;
  readonly grantFinder: GrantFinder;
  readonly grantTokens: GrantTokens;
  /** GetPublicKey answers for disabled keys too. */
  readonly publicKeyOfDisabled: boolean;
  readonly identities: Identities;
  readonly sessions: Sessions;
  readonly webIdentities: WebIdentities;
  readonly presignedCallers: PresignedCallers;
  readonly attestations: Attestations;
  readonly xksStores: XksStores;
  readonly externalKeys: ExternalKeys;
  readonly customKeyStores: CustomKeyStores;
  /** A new key id. */
  readonly newKeyId: () => string;
}

/** A key that a request names, and what the caller must be allowed to do with it. */
export interface Target {
  readonly key: Key;
  /** `kms:<Operation>`. */
  readonly action: string;
  /** The alias in the request, when it named the key by one: kms:RequestAlias. */
  readonly requestAlias?: string | undefined;
  /** The encryption context that the action is about: policies' conditions and grants' constraints ask for it. */
  readonly encryptionContext?: Readonly<Record<string, string>> | undefined;
  /** Condition values of this key alone: ReEncrypt has two encryption contexts. They win over the operation's. */
  readonly conditions?: Conditions;
  /** Of CreateGrant, what the new grant allows: a grant that lets the caller create it must allow as much. */
  readonly childGrant?: GrantScope;
  /**
   * Has its word in place of the key's policy and of grants, as a policy of the caller's own account would: RetireGrant
   * (kms-semantics §7.5).
   */
  readonly decidedBy?: ResourcePolicy;
  /** Thrown in place of the ordinary denial, where AWS hides which it was (kms-semantics §4.4). */
  readonly deniedAs?: KmsError;
}

/** What the caller must be allowed to do where no key policy decides: on the account, an alias, an IAM entity, a role. */
export interface AccountAction {
  readonly action: string;
  /** An ARN, or `*`. */
  readonly resource: string;
  /** The resource's own policy, which must have its word: the trust policy of a role. */
  readonly resourcePolicy?: { readonly policy: ResourcePolicy; readonly accountId: string };
  /** Condition values of this resource alone. They win over the operation's. */
  readonly conditions?: Conditions;
  /** Thrown in place of the ordinary denial, where that would tell what there is. */
  readonly deniedAs?: KmsError;
  /** What is asked if there is no such resource: who may not even that, and not this, is told so in place of `deniedAs`. */
  readonly elseAsked?: AccountAction;
}

export interface Call<N extends OperationName> {
  readonly input: OperationInputs[N];
  readonly caller: Principal;
  /** What the database says of the caller now. */
  readonly identity: Identity;
  readonly services: Services;
  readonly origin: RequestOrigin;
  readonly requestId: string;
  readonly now: Date;
}

export interface TargetedCall<N extends OperationName> extends Call<N> {
  /** In the order in which `targets` gave them; of a writing operation as locked in its transaction. */
  readonly keys: readonly Key[];
}

/** What `prepare` gave. */
export interface Prepared {
  /** Let go of whatever becomes of the transaction. */
  readonly key?: PreparedKey | undefined;
  /** A custom key store as it is to be, proven as far as it can be. */
  readonly store?: CustomKeyStore;
}

/** What a writing operation works in. */
export interface Change {
  readonly transaction: Transaction;
  readonly prepared: Prepared | undefined;
  /** Runs when the transaction does not commit: undoes what the operation did in the token. */
  readonly undo: (step: UndoStep) => void;
  /**
   * Runs when the change is committed and every worker knows of it, before the answer. What it does timed work would do a
   * little later: it may fail.
   */
  readonly afterwards: (step: () => Promise<unknown>) => void;
  /** A key that the operation made: its record names it. */
  made(key: Key): void;
  /** CloudTrail's additionalEventData: what the record says besides request and answer (kms-semantics §16.4). */
  note(data: Readonly<Record<string, unknown>>): void;
  /** What the service did for the request, recorded after it (kms-semantics §16.5). */
  readonly serviceEvent: (event: ServiceEvent) => void;
}

/** What a change answered; the record has it in CloudTrail's spelling and without secrets (kms-semantics §16.3). */
export type ResponseElements = Readonly<Record<string, unknown>> | null;

/**
 * Where the REST door has an operation. Members of the input that the path names stand there; the others come in the query
 * of a GET or DELETE, and in the body of everything else.
 */
export interface RestLine {
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below `/v1`, members of the input in braces: `/keys/{KeyId}/encrypt`. */
  readonly path: string;
  /**
   * Of what makes something: where that is, below `/v1`, with members of the answer, or of the input, in braces
   * (`/keys/{KeyMetadata.KeyId}`). It is answered 201 with it as Location; everything else 200, or 204 without a body.
   */
  readonly location?: string;
  /** A client may name its request by an Idempotency-Key, and is answered alike when it repeats it. */
  readonly idempotencyKey?: true;
  /** A body may have a list of inputs, as Entries, in place of one. */
  readonly entries?: true;
  /** What it does, in a sentence of the reference. */
  readonly summary: string;
}

interface Declaration<N extends OperationName> {
  readonly name: N;
  /** Undefined of operations that the REST door does not have: those of IAM and STS. */
  readonly rest?: RestLine;
  /** CloudTrail's readOnly: true for reads and every cryptographic operation. */
  readonly readOnly: boolean;
  /** Members of the input that the audit record keeps; never a secret (kms-semantics §16.2). */
  readonly audited: readonly (keyof OperationInputs[N] & string)[];
  /** What the record has of those of them that the request leaves out (kms-semantics §16.2). */
  readonly auditedDefaults?: Partial<OperationInputs[N]>;
  /** Checks that need no key (kms-semantics §0, step 4). */
  check?(input: OperationInputs[N]): void;
  /**
   * Of an operation whose request is not signed: says who calls, by what the input proves. Throws the refusal of what
   * proves nothing.
   */
  identifyCaller?(input: OperationInputs[N], services: Services): Awaitable<Principal>;
  /** Every authenticated caller may call it, whatever its policies say (sts:GetCallerIdentity). */
  readonly needsNoPermission?: true;
  /** Condition values that the request supplies to policies (kms-semantics §6.8), besides those of keys and globals. */
  conditions?(call: Call<N>): Conditions;
  /** Actions that no key policy decides (kms-semantics §6.10). */
  accountActions?(call: Call<N>): Awaitable<readonly AccountAction[]>;
  /** Resolves the keys that the request names. The refusal of one that there is not is thrown, or stands in its place. */
  targets?(call: Call<N>): Awaitable<readonly (Target | KmsError)[]>;
  /** Works on keys of another account too (kms-semantics §2.4). */
  readonly crossAccount?: boolean;
  /** What each target must be usable for. */
  readonly requires?: { readonly usage?: KeyUsageType; readonly state: StateRule };
  /** Checks between authorization and the key's usage and state. */
  identify?(call: TargetedCall<N>): void;
  /** Algorithm and size checks, after usage and state. */
  verify?(call: TargetedCall<N>): void;
  responseElements?(call: TargetedCall<N>, output: OperationOutputs[N]): ResponseElements;
}

/** How an operation answers the recipient of an attestation document (kms-semantics §5.4): with its secret sealed. */
export interface ForRecipient<M extends string = string> {
  /** Members that such an answer does not have. */
  readonly withheld: readonly M[];
}

/** Reads, and cryptographic operations. */
interface Reading<N extends OperationName> {
  /** A cryptographic operation: when it succeeds, that is the last use of its keys (kms-semantics §18). */
  readonly usesKey?: N extends KeyLastUsageTrackingOperation ? true : never;
  /** It may wait for minutes: what was revoked meanwhile is asked once more, before the answer. */
  readonly takesLong?: true;
  /** The member of the answer that is wiped once the answer is written. */
  readonly secret?: keyof OperationOutputs[N] & string;
  /** Without it, a request that names a recipient is refused. */
  readonly forRecipient?: ForRecipient<keyof OperationOutputs[N] & string>;
  /** What the record of a success says besides request and answer (kms-semantics §16.4): which key material was used. */
  additionalEventData?(
    output: OperationOutputs[N],
    keys: readonly Key[],
  ): Readonly<Record<string, unknown>>;
  run(call: TargetedCall<N>): Awaitable<OperationOutputs[N]>;
}

/** Changes the database: runs in a transaction that commits together with its audit record. */
interface Writing<N extends OperationName> {
  /**
   * Why workers need not be told: nothing that they keep of the database rests on it. Every other change announces
   * something or fails.
   */
  readonly unannounced?: string;
  /**
   * What takes seconds and changes nothing, before the transaction, which would hold a connection meanwhile. Whatever becomes
   * of that, what it gave is let go of.
   */
  prepare?(call: Call<N>): Promise<Prepared | undefined>;
  write(call: TargetedCall<N>, change: Change): Promise<OperationOutputs[N]>;
}

export type ReadingOperation<N extends OperationName> = Declaration<N> & Reading<N>;
export type WritingOperation<N extends OperationName> = Declaration<N> & Writing<N>;

/** The only place that knows an operation: the corridor reads it from top to bottom. */
export type Operation<N extends OperationName = OperationName> =
  ReadingOperation<N> | WritingOperation<N>;
