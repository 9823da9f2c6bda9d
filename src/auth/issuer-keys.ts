import { type JSONWebKeySet, createLocalJWKSet } from 'jose';
import { FetchError, type FetchJson, isLoopback, parseFetchable } from './fetch-json';
import { Generations } from './generations';

/** The keys of an issuer, by which its tokens are verified. */
export type KeySet = ReturnType<typeof createLocalJWKSet>;

/** A key that its issuer withdrew verifies nothing for longer than this. */
const freshMs = 300_000;
/** While the issuer gives no keys, those that it gave are used for this long. */
const staleMs = 3_600_000;
/** An issuer is asked this often at the most: strangers can name keys that it does not have. */
const coolDownMs = 10_000;
/** Issuers whose keys are kept. */
const capacity = 256;
/** More keys than any issuer has at a time. */
const maxKeys = 100;

interface Entry {
  keys: KeySet | undefined;
  fetchedAt: number;
  askedAt: number;
  failure: FetchError | undefined;
  asking: Promise<void> | undefined;
}

interface Parts {
  readonly fetchJson: FetchJson;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** Finds, keeps and renews the keys of issuers (OpenID Connect Discovery 1.0 §4). Rejects with FetchError. */
export class IssuerKeys {
  private readonly entries = new Generations<Entry>(capacity);

  constructor(private readonly parts: Parts) {}

  /** The keys as the issuer had them a short while ago. */
  async get(issuer: string): Promise<KeySet> {
    const entry = this.entryOf(issuer);
    if (this.age(entry) >= freshMs) await this.ask(issuer, entry);
    if (entry.keys !== undefined && this.age(entry) < staleMs) return entry.keys;
    throw entry.failure ?? new FetchError('unreachable', `${issuer} has not been asked`);
  }

  /** The keys as the issuer has them now, for a token whose key is none of the known; may be those that were known. */
  async renew(issuer: string): Promise<KeySet> {
    await this.ask(issuer, this.entryOf(issuer));
    return this.get(issuer);
  }

  private entryOf(issuer: string): Entry {
    const known = this.entries.get(issuer);
    if (known !== undefined) return known;
    const entry: Entry = {
      keys: undefined,
      fetchedAt: -Infinity,
      askedAt: -Infinity,
      failure: undefined,
      asking: undefined,
    };
    this.entries.set(issuer, entry);
    return entry;
  }

  private age(entry: Entry): number {
    return this.parts.now() - entry.fetchedAt;
  }

  /** All that ask at once share one request. */
  private async ask(issuer: string, entry: Entry): Promise<void> {
    if (entry.asking === undefined && this.parts.now() - entry.askedAt < coolDownMs) return;
    entry.asking ??= this.fetch(issuer, entry).finally(() => (entry.asking = undefined));
    await entry.asking;
  }

  private async fetch(issuer: string, entry: Entry): Promise<void> {
    entry.askedAt = this.parts.now();
    try {
      entry.keys = await fetchKeys(issuer, this.parts.fetchJson);
      entry.fetchedAt = this.parts.now();
      entry.failure = undefined;
    } catch (thrown) {
      if (!(thrown instanceof FetchError)) throw thrown;
      entry.failure = thrown;
    }
  }
}

async function fetchKeys(issuer: string, fetchJson: FetchJson): Promise<KeySet> {
  const base = parseFetchable(issuer, { allowLoopback: true });
  const discovery = new URL(`${issuer.replace(/\/$/, '')}/.well-known/openid-configuration`);
  const document = await fetchJson(discovery);
  if (!isObject(document) || document['issuer'] !== issuer) {
    throw new FetchError('unusable', `${discovery.href} is not the configuration of ${issuer}`);
  }
  const uri = document['jwks_uri'];
  // Only an issuer on this machine may send us to this machine without TLS.
  const url = parseFetchable(typeof uri === 'string' ? uri : '', {
    allowLoopback: isLoopback(base),
  });
  return keySetOf(url, await fetchJson(url));
}

/** Keys of kinds that no algorithm here uses are left out: a set may hold some for other purposes. */
function keySetOf(url: URL, document: unknown): KeySet {
  const keys = isObject(document) ? document['keys'] : undefined;
  if (!Array.isArray(keys) || keys.length > maxKeys || !keys.every(isObject)) {
    throw new FetchError('unusable', `${url.href} is no set of keys`);
  }
  const usable = keys.filter(({ kty, use }) => {
    return (kty === 'RSA' || kty === 'EC') && (use === undefined || use === 'sig');
  });
  return createLocalJWKSet({ keys: usable } as unknown as JSONWebKeySet);
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
