import { randomUUID } from 'node:crypto';
import { type AuditWriter, auditLine, auditRecord, recordable } from '../audit';
import type { ChangeFeed, Database, Transaction } from '../db';
import { type UndoStep, undoneOnFailure } from '../undo';
import { managedKeyPolicy } from '../policy/managed-key-policy';
import { type AliasStore, aliasCacheKey } from './aliases';
import type { Place } from './identifiers';
import { type Key, keyMetadata } from './key';
import type { Materials } from './materials';
import { defaultPeriodDays, enableRotation } from './rotation';
import type { KeyStore } from './store';

const prefix = 'alias/aws/';

/** `alias/aws/s3` of `s3.amazonaws.com`: the alias of the AWS-managed key that a service uses in an account. */
export function managedAlias(service: string): string {
  return `${prefix}${service.split('.', 1)[0] ?? ''}`;
}

interface Parts {
  readonly database: Database;
  readonly place: Place;
  readonly keys: KeyStore;
  readonly materials: Materials;
  readonly aliases: AliasStore;
  readonly audit: AuditWriter;
  readonly changes: ChangeFeed;
  readonly newKeyId: () => string;
  readonly onLeftover: (error: unknown) => void;
}

interface Wanted {
  readonly accountId: string;
  /** Principal name of the service. */
  readonly service: string;
}

/** AWS-managed keys: made when a service first uses its alias in an account, and usable through that service alone. */
export class ManagedKeys {
  constructor(private readonly parts: Parts) {}

  /** The id of the key, made now if it is not there. */
  async ensure(wanted: Wanted): Promise<string> {
    const { audit, changes } = this.parts;
    const { keyId, announcements } = await undoneOnFailure(
      this.parts,
      async (transaction, undo) => {
        const existing = await this.lock(transaction, wanted);
        if (existing !== undefined) return { keyId: existing, announcements: [] };
        const key = await this.make(transaction, wanted, undo);
        await audit.commitWith(transaction, this.record(key, wanted));
        return { keyId: key.keyId, announcements: transaction.announcements };
      },
    );
    await changes.acknowledged(announcements);
    return keyId;
  }

  /** One maker at a time for an account, who finds what the one before made. */
  private async lock(
    transaction: Transaction,
    { accountId, service }: Wanted,
  ): Promise<string | undefined> {
    const aliasName = managedAlias(service);
    await transaction.query({
      name: 'managed-key-lock',
      text: 'select pg_advisory_xact_lock(hashtextextended($1::text, 0))',
      values: [aliasCacheKey(accountId, aliasName)],
    });
    return (await this.parts.aliases.find(transaction, accountId, aliasName))?.keyId;
  }

  private async make(
    transaction: Transaction,
    { accountId, service }: Wanted,
    undo: (step: UndoStep) => void,
  ): Promise<Key> {
    const { place, keys, materials, aliases } = this.parts;
    const aliasName = managedAlias(service);
    const inserted = await keys.insert(transaction, {
      keyId: this.parts.newKeyId(),
      accountId,
      description: `Default key that protects my data when no other key is defined (${service})`,
      keySpec: 'SYMMETRIC_DEFAULT',
      keyUsage: 'ENCRYPT_DECRYPT',
      keyManager: 'AWS',
      policy: managedKeyPolicy({ place, accountId, service }),
      tags: [],
    });
    const { keyId } = inserted;
    await aliases.insert(transaction, { accountId, aliasName, keyId });
    await enableRotation(transaction, keyId, defaultPeriodDays);
    const key = await materials.create(transaction, inserted, { undo });
    transaction.announce({ topic: 'alias', id: aliasCacheKey(accountId, aliasName) });
    return key;
  }

  /** As CloudTrail has what a service does by itself (kms-semantics §16.1). */
  private record(key: Key, { accountId, service }: Wanted): string {
    const { region } = this.parts.place;
    const answer = { KeyMetadata: keyMetadata(key) };
    return auditLine(
      auditRecord({
        completedAt: new Date(),
        eventId: randomUUID(),
        requestId: randomUUID(),
        service: 'kms',
        eventName: 'CreateKey',
        caller: {
          kind: 'service',
          accountId,
          arn: service,
          principalId: service,
          accessKeyId: undefined,
        },
        region,
        sourceIPAddress: 'AWS Internal',
        userAgent: 'AWS Internal',
        requestParameters: recordable({ Description: key.description }, ['Description']),
        responseElements: recordable(answer, ['KeyMetadata']),
        readOnly: false,
        resources: [key],
        recipientAccountId: accountId,
      }),
    );
  }
}
