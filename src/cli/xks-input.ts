import { readFileSync } from 'node:fs';
import type { Queryable } from '../db';
import { RulesFault, parseRules } from '../xks/rules';
import type { XksKeyUsage } from '../xks/store';
import { type StoreRecord, findStore, lockStore } from '../xks/stores';
import { CommandError } from './subcommand';

/** What follows the prefix in each URI that AWS KMS calls (XKS proxy API, URIs). */
const uriSuffix = '/kms/xks/v1';
/** The XksProxyUriPath may have 128. */
const maxPrefix = 128 - uriSuffix.length;
const maxRate = 1_000_000;
const allUsages: readonly XksKeyUsage[] = ['ENCRYPT', 'DECRYPT'];

export type Options = Readonly<Record<string, unknown>>;

/** The path that AWS KMS is told of a store: XksProxyUriPath. */
export function uriPath(prefix: string): string {
  return `${prefix}${uriSuffix}`;
}

/** As people read it: the empty prefix has to be something. */
export function shownPrefix(prefix: string): string {
  return prefix === '' ? '/' : prefix;
}

/** `/` stands for the empty prefix too: an empty argument is easily lost. */
export function storePrefix({ prefix }: Options): string {
  const text = String(prefix);
  if (text === '' || text === '/') return '';
  if (!/^(\/[A-Za-z0-9_-]+)+$/.test(text)) {
    throw new CommandError(
      `${JSON.stringify(text)} is no prefix: it is like /payments or /emea/payments, of letters, digits, - and _; / stands for none`,
    );
  }
  if (text.length > maxPrefix) {
    throw new CommandError(
      `the prefix has ${text.length} characters: it may have ${maxPrefix}, for ${uriSuffix} follows it in a path of 128`,
    );
  }
  if (/\/kms\/xks(\/|$)/.test(text)) {
    throw new CommandError(`the prefix is what comes before ${uriSuffix}: leave that out`);
  }
  return text;
}

/** Where none is named, all of them are meant. */
export function chosenPrefix(options: Options): string | undefined {
  return options['prefix'] === undefined ? undefined : storePrefix(options);
}

export function externalKeyId({ id }: Options): string {
  const text = String(id);
  if (/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,128}$/.test(text)) return text;
  throw new CommandError(
    `${JSON.stringify(text)} is no external key id: it has 1 to 128 letters, digits, dots, - and _, and is neither . nor ..`,
  );
}

export function accessKeyId({ id }: Options): string {
  const text = String(id);
  if (/^[A-Z2-7]{20,30}$/.test(text)) return text;
  throw new CommandError(
    `${JSON.stringify(text)} is no access key id of a credential: it has 20 to 30 of A to Z and 2 to 7`,
  );
}

export function regionOf({ region }: Options): string | undefined {
  if (typeof region !== 'string') return undefined;
  if (/^[a-z]{2,}(-[a-z0-9]+)*$/.test(region)) return region;
  throw new CommandError(`${JSON.stringify(region)} is no Region: it is like us-east-1`);
}

/** Undefined when the option is left out, null for `--no-rate`. */
export function rateOf({ rate }: Options): number | null | undefined {
  if (rate === false) return null;
  if (typeof rate !== 'string') return undefined;
  const number = Number(rate);
  if (/^[0-9]{1,7}$/.test(rate) && number >= 1 && number <= maxRate) return number;
  throw new CommandError(
    `${JSON.stringify(rate)} is no rate: it is a whole number of requests a second, 1 to ${maxRate}`,
  );
}

/** Each once, in the order that GetKeyMetadata has them; undefined when the option is left out. */
export function usagesOf({ usage }: Options): readonly XksKeyUsage[] | undefined {
  if (typeof usage !== 'string') return undefined;
  const named = usage.split(',');
  const usages = allUsages.filter((one) => named.includes(one));
  if (usages.length === named.length) return usages;
  throw new CommandError(
    `${JSON.stringify(usage)} is no usage: it is ENCRYPT, DECRYPT, or ENCRYPT,DECRYPT`,
  );
}

/** The document in the file of `--rules`; undefined when the option is left out, null for `--no-rules`. */
export function rulesOf({ rules }: Options): string | null | undefined {
  if (rules === false) return null;
  if (typeof rules !== 'string') return undefined;
  const text = readText(rules);
  try {
    parseRules(text);
  } catch (error) {
    if (!(error instanceof RulesFault)) throw error;
    throw new CommandError(`${rules}: ${error.message}`);
  }
  return text;
}

function readText(file: string): string {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'failed';
    throw new CommandError(`${file} cannot be read: ${code}`);
  }
}

/** What is there already, unless the option says otherwise. */
export function changed<T>(option: T | null | undefined, now: T | undefined): T | undefined {
  return option === undefined ? now : (option ?? undefined);
}

/** Locked until the transaction ends. */
export async function requireStore(db: Queryable, prefix: string): Promise<StoreRecord> {
  return requireFound(await lockStore(db, prefix), prefix);
}

/** A list of what a store has is not empty because its prefix was mistyped. */
export async function requireChosen(db: Queryable, prefix: string | undefined): Promise<void> {
  if (prefix !== undefined) requireFound(await findStore(db, prefix), prefix);
}

function requireFound(store: StoreRecord | undefined, prefix: string): StoreRecord {
  if (store !== undefined) return store;
  throw new CommandError(
    `there is no external key store ${shownPrefix(prefix)}: \`claviger xks store create\` makes it`,
  );
}
