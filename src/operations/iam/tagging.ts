import type { Transaction } from '../../db';
import type { KmsError } from '../../errors';
import type { Quota } from '../../iam/quotas';
import {
  type IamTag,
  checkIamTags,
  checkTagKeys,
  listTags,
  putTags,
  removeTags,
  requestTags,
  resourceTags,
} from '../../iam/tags';
import type { AccountAction, Change } from '../../operation';
import type { Conditions } from '../../policy/policy';
import type { AnyCall } from './entity-action';
import { type IamPage, listPage, wholeList } from './pagination';

/** How requests name what they tag. */
export type TaggedCall = AnyCall & {
  readonly input: {
    readonly UserName?: string;
    readonly RoleName?: string;
    readonly PolicyArn?: string;
    readonly OpenIDConnectProviderArn?: string;
  };
};

/** A kind of thing that has tags. */
export interface Taggable {
  /** As in the names of the operations: `TagUser`. */
  readonly noun: 'User' | 'Role' | 'Policy' | 'OpenIDConnectProvider';
  readonly quota: Quota & `TagsPer${string}`;
  /** What the request names, existing or not. Without an id it does not exist. */
  locate(call: TaggedCall): Promise<{ readonly arn: string; readonly id: string | undefined }>;
  /** Locks what the request names until the transaction ends, and returns its id. Throws NoSuchEntity. */
  lock(transaction: Transaction, call: TaggedCall): Promise<string>;
  /** The refusal of a name that nothing has. */
  missing(call: TaggedCall): KmsError;
  /** Says which principal's tags have changed. */
  announce?(transaction: Transaction, id: string): void;
}

type TagCall = TaggedCall & { readonly input: { readonly Tags: readonly IamTag[] } };
type UntagCall = TaggedCall & { readonly input: { readonly TagKeys: readonly string[] } };
type ListCall = TaggedCall & {
  readonly input: { readonly Marker?: string; readonly MaxItems?: number };
};

/** What the operations that add tags have in common. */
export function tagging(kind: Taggable): {
  readonly readOnly: false;
  check(input: TagCall['input']): void;
  accountActions(call: TagCall): Promise<readonly AccountAction[]>;
  write(call: TagCall, change: Change): Promise<Record<string, never>>;
} {
  return {
    readOnly: false,
    check: ({ Tags }) => checkIamTags(Tags),
    accountActions: (call) => actionOn(kind, call, 'Tag', requestTags(call.input.Tags)),
    write: async (call, { transaction }) => {
      const id = await kind.lock(transaction, call);
      await putTags(transaction, { id, quota: kind.quota }, call.input.Tags);
      kind.announce?.(transaction, id);
      return {};
    },
  };
}

/** What the operations that remove tags have in common. */
export function untagging(kind: Taggable): {
  readonly readOnly: false;
  check(input: UntagCall['input']): void;
  accountActions(call: UntagCall): Promise<readonly AccountAction[]>;
  write(call: UntagCall, change: Change): Promise<Record<string, never>>;
} {
  return {
    readOnly: false,
    check: ({ TagKeys }) => checkTagKeys(TagKeys),
    accountActions: (call) => actionOn(kind, call, 'Untag', { 'aws:TagKeys': call.input.TagKeys }),
    write: async (call, { transaction }) => {
      const id = await kind.lock(transaction, call);
      await removeTags(transaction, id, call.input.TagKeys);
      kind.announce?.(transaction, id);
      return {};
    },
  };
}

/** What the operations that list tags have in common. */
export function tagListing(kind: Taggable): {
  readonly readOnly: true;
  accountActions(call: ListCall): Promise<readonly AccountAction[]>;
  run(call: ListCall): Promise<{ Tags: IamTag[] } & IamPage<unknown>['end']>;
} {
  return {
    readOnly: true,
    accountActions: (call) => actionOn(kind, call, 'List', {}),
    run: async (call) => {
      const { id } = await kind.locate(call);
      if (id === undefined) throw kind.missing(call);
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

async function actionOn(
  kind: Taggable,
  call: TaggedCall,
  verb: 'Tag' | 'Untag' | 'List',
  conditions: Conditions,
): Promise<readonly AccountAction[]> {
  const { arn, id } = await kind.locate(call);
  const tags = id === undefined ? [] : await listTags(call.services.db, id);
  const action = verb === 'List' ? `iam:List${kind.noun}Tags` : `iam:${verb}${kind.noun}`;
  return [{ action, resource: arn, conditions: { ...resourceTags(tags), ...conditions } }];
}
