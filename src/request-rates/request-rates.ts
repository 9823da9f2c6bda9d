import { KmsError } from '../errors';
import type { Key } from '../keys/key';
import type { Principal } from '../policy/principal';
import type { Rates } from '../rates/rates';
import { type Group, chargeOf, groupOfKey, groupOfPair } from './groups';
import { type GroupRates, type RateLimits, countedArn, counterOf, ratesOf } from './limits';

export interface RequestRatesOptions {
  readonly limits: RateLimits;
  readonly rates: Rates;
  readonly onThrottled: (group: Group) => void;
}

/** What of a request decides which groups it counts in, once its keys are known. */
export interface KeyedRequest {
  readonly keys: readonly Pick<Key, 'keySpec' | 'customKeyStore'>[];
  readonly input: object;
}

/** What a principal may, and the names of its rates. */
interface Counted {
  readonly arn: string;
  readonly rates: GroupRates;
  readonly names: Map<Group, string>;
}

/** Principals whose rates are remembered; to find them again is cheap. */
const maxKnown = 10_000;

/**
 * How often principals may call, by group of operations (kms-semantics §17.2). A request counts whatever becomes of it, unless
 * it is refused here. Throws ThrottlingException, with the seconds after which there will be one again.
 */
export class RequestRates {
  private readonly known = new Map<string, Counted>();

  constructor(private readonly options: RequestRatesOptions) {}

  /** Right after authentication: what the operation alone decides. */
  countOperation(caller: Principal, operation: string): void {
    const charge = chargeOf(operation);
    if (charge === undefined || charge === 'by key' || charge === 'by pair') return;
    this.take(caller, charge);
  }

  /** Once the keys are resolved: what they decide. Two keys of one group count once. */
  countKeys(caller: Principal, operation: string, request: KeyedRequest): void {
    const charge = chargeOf(operation);
    if (charge === 'by key') this.takeByKeys(caller, request.keys);
    if (charge === 'by pair') this.takeByPair(caller, request.input);
    // A store is asked for random bytes without a key of it.
    if (charge === 'symmetric') this.takeByStore(caller, request.input);
  }

  /** Of a request that failed before its keys were resolved: nobody shall guess at keys as often as they like. */
  countUnresolved(caller: Principal, operation: string): void {
    const charge = chargeOf(operation);
    if (charge === 'by key' || charge === 'by pair') this.take(caller, 'symmetric');
  }

  /** Of a batch that is refused as a whole, whose requests do not count: it had to be read. */
  countBatch(caller: Principal): void {
    this.take(caller, 'symmetric');
  }

  private takeByKeys(caller: Principal, keys: KeyedRequest['keys']): void {
    const [first, second] = keys;
    if (first === undefined) return;
    const group = this.takeByKey(caller, first);
    if (second === undefined) return;
    const same = groupOfUse(second) === group;
    if (same && first.customKeyStore?.id === second.customKeyStore?.id) return;
    this.takeByKey(caller, second);
  }

  private takeByKey(caller: Principal, key: KeyedRequest['keys'][number]): Group {
    const group = groupOfUse(key);
    this.take(caller, group, key.customKeyStore?.id);
    return group;
  }

  private takeByPair(caller: Principal, input: object): void {
    const { KeyPairSpec: spec = '' } = input as { readonly KeyPairSpec?: string };
    this.take(caller, groupOfPair(spec) ?? 'symmetric');
  }

  private takeByStore(caller: Principal, input: object): void {
    const { CustomKeyStoreId: store } = input as { readonly CustomKeyStoreId?: string };
    if (store !== undefined) this.take(caller, 'custom-key-store', store);
  }

  private take(caller: Principal, group: Group, store?: string): void {
    const counted = this.countedOf(caller);
    const perSecond = counted.rates.get(group);
    if (perSecond === undefined) return;
    const name = counted.names.get(group) ?? nameIn(counted, caller, group);
    const key = store === undefined ? name : `${name} ${store}`;
    const { rates, onThrottled } = this.options;
    if (rates.take(key, perSecond)) return;
    onThrottled(group);
    throw new KmsError(
      'ThrottlingException',
      'You have exceeded the rate at which you may call KMS. Reduce the frequency of your calls.',
      { retryAfterSeconds: Math.max(1, Math.ceil(rates.secondsUntil(key, perSecond))) },
    );
  }

  /** An entity that was renamed may match another rule. */
  private countedOf(caller: Principal): Counted {
    const counter = counterOf(caller);
    const arn = countedArn(caller);
    const before = this.known.get(counter);
    if (before?.arn === arn) return before;
    if (this.known.size >= maxKnown) this.known.clear();
    const counted = { arn, rates: ratesOf(this.options.limits, arn), names: new Map() };
    this.known.set(counter, counted);
    return counted;
  }
}

function groupOfUse({ customKeyStore, keySpec }: KeyedRequest['keys'][number]): Group {
  return customKeyStore === undefined ? groupOfKey(keySpec) : 'custom-key-store';
}

function nameIn({ names }: Counted, caller: Principal, group: Group): string {
  const name = `kms ${counterOf(caller)} ${group}`;
  names.set(group, name);
  return name;
}
