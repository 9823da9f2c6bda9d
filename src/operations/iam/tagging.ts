import type { Transaction } from '../../db';
import type { Quota } from '../../iam/quotas';
import {
  type IamTag,
  checkIamTags,
  checkTagKeys,
  listTags,
  putTags,
  removeTags,
  requestTags,
} from '../../iam/tags';
import type { AccountAction, Change } from '../../operation';
import type { Conditions } from '../../policy/policy';
import type { AnyCall } from './entity-action';
import { type IamPage, listPage, wholeList } from './pagination';

/** A kind of thing that has tags; `I` is how requests name one. */
export interface Taggable<I> {
  /** As in the names of the operations: `TagUser`. */
  readonly noun: 'User' | 'Role' | 'Policy' | 'OpenIDConnectProvider';
  readonly quota: Quota & `TagsPer${string}`;
  /** `accountActions` on what the request names, existing or not. */
  actions(call: NamingCall<I>, action: `iam:${string}`): Promise<readonly AccountAction[]>;
  /** The id of what the request names. Throws NoSuchEntity. */
  find(call: NamingCall<I>): Promise<string>;
  /** As find, and locks it until the transaction ends. */
  lock(transaction: Transaction, call: NamingCall<I>): Promise<string>;
  /** Says which principal's tags have changed. */
  announce?(transaction: Transaction, id: string): void;
}

export type NamingCall<I> = AnyCall & { readonly input: I };

interface Tags {
  readonly Tags: readonly IamTag[];
}

interface TagKeys {
  readonly TagKeys: readonly string[];
}

interface PageInput {
  readonly Marker?: string;
  readonly MaxItems?: number;
}

interface TagChange<I> {
  readonly readOnly: false;
  check(input: I): void;
  accountActions(call: NamingCall<I>): Promise<readonly AccountAction[]>;
  write(call: NamingCall<I>, change: Change): Promise<Record<string, never>>;
}

/** What the operations that add tags have in common. */
export function tagging<I>(kind: Taggable<I>): TagChange<I & Tags> {
  return {
    readOnly: false,
    check: ({ Tags }) => checkIamTags(Tags),
    accountActions: async (call) =>
      saying(requestTags(call.input.Tags), await kind.actions(call, `iam:Tag${kind.noun}`)),
    write: async (call, { transaction }) => {
      const id = await kind.lock(transaction, call);
      await putTags(transaction, { id, quota: kind.quota }, call.input.Tags);
      kind.announce?.(transaction, id);
      return {};
    },
  };
}

/** What the operations that remove tags have in common. */
export function untagging<I>(kind: Taggable<I>): TagChange<I & TagKeys> {
  return {
    readOnly: false,
    check: ({ TagKeys }) => checkTagKeys(TagKeys),
    accountActions: async (call) =>
      saying(
        { 'aws:TagKeys': call.input.TagKeys },
        await kind.actions(call, `iam:Untag${kind.noun}`),
      ),
    write: async (call, { transaction }) => {
      const id = await kind.lock(transaction, call);
      await removeTags(transaction, id, call.input.TagKeys);
      kind.announce?.(transaction, id);
      return {};
    },
  };
}

/** What the operations that list tags have in common. */
export function tagListing<I>(kind: Taggable<I>): {
  readonly readOnly: true;
  accountActions(call: NamingCall<I & PageInput>): Promise<readonly AccountAction[]>;
  run(call: NamingCall<I & PageInput>): Promise<{ Tags: IamTag[] } & IamPage<unknown>['end']>;
} {
  return {
    readOnly: true,
    accountActions: (call) => kind.actions(call, `iam:List${kind.noun}Tags`),
    run: async (call) => {
      const id = await kind.find(call);
      const { items, end } = await listPage(call.input, {
        operation: `List${kind.noun}Tags`,
        accountId: call.caller.accountId,
        filters: [id],
        ...wholeList(await listTags(call.services.db, id)),
      });
      return { Tags: items.map(([, tag]) => tag), ...end };
    },
  };
}

function saying(
  conditions: Conditions,
  actions: readonly AccountAction[],
): readonly AccountAction[] {
  return actions.map((action) => ({
    ...action,
    conditions: { ...action.conditions, ...conditions },
  }));
}
