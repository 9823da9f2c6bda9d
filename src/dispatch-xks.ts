import { randomUUID } from 'node:crypto';
import type { AuditWriter } from './audit';
import type { Awaitable } from './awaitable';
import type { KeyFinder } from './keys/finder';
import type { Key } from './keys/key';
import type { KeyUses } from './keys/key-uses';
import type { Keyring } from './keys/keyring';
import { type XksOperation, isEnabled, xksOperations } from './operations/xks';
import type { XksWork } from './operations/xks/operation';
import type { Rates } from './rates/rates';
import type { RecordedService, RequestOrigin } from './trail';
import type { Admission, Admitted } from './xks/admission';
import type { Deadlines } from './xks/deadlines';
import { XksError } from './xks/errors';
import { failure, toXksError } from './xks/failures';
import { type Members, metadataMembers, parseMembers, requestMetadata } from './xks/fields';
import type { Health } from './xks/health';
import type { RequestMetadata } from './xks/metadata';
import { type XksPath, parseXksPath } from './xks/path';
import type { XksRequestEvent } from './xks/request-event';
import type { XksSignatures } from './xks/signatures';
import { takeRequest } from './xks/rate';
import { denialOf } from './xks/rules';
import type { ExternalKey, XksStore } from './xks/store';
import { XksTrail } from './xks/trail';

/** A request as the XKS door hands it over. */
export interface XksDoorRequest {
  readonly requestId: string;
  readonly origin: RequestOrigin;
  readonly method: string;
  /** The raw request target. */
  readonly url: string;
  readonly rawHeaders: readonly string[];
  /** Throws KmsError. */
  body(): Promise<Buffer>;
}

export type XksAnswer =
  | { readonly ok: true; readonly text: string }
  | { readonly ok: false; readonly error: XksError }
  /** The URI is one of the API, the method is not POST, which has no error name (xks-proxy §1.2). */
  | { readonly ok: false; readonly error: 'MethodNotAllowed' };

export interface XksCorridor {
  readonly stores: { find(prefix: string): Awaitable<XksStore | undefined> };
  readonly externalKeys: {
    find(prefix: string, externalKeyId: string): Awaitable<ExternalKey | undefined>;
  };
  readonly signatures: XksSignatures;
  readonly finder: Pick<KeyFinder, 'byId'>;
  readonly keyring: Pick<Keyring, 'open' | 'seal'>;
  readonly keyUses: Pick<KeyUses, 'note'>;
  readonly health: Pick<Health, 'status'>;
  readonly rates: Pick<Rates, 'take'>;
  readonly admission: Pick<Admission, 'enter' | 'leave'>;
  readonly deadlines: Deadlines;
  readonly audit: AuditWriter;
  readonly service: RecordedService;
  readonly onRequest: (event: XksRequestEvent) => void;
  /** In place of that: a request was refused as it came. */
  readonly onOverload: () => void;
  /** The record of a request that was answered late could not be written. */
  readonly onUnrecorded: (error: unknown) => void;
}

const overloaded = new XksError('ThrottlingException', 'Too many requests are being answered.');

/**
 * The corridor of the XKS proxy. Its callers are no principals of ours, and whom they call for AWS's policies have judged:
 * in all else it is that of src/dispatch.ts. Never rejects, and answers within the deadline, whatever hangs.
 * Each request ends in one audit record, committed before its answer; that of one which is late follows it, and those
 * that cannot be answered in time are recorded together: to write one each would cost what there is too little of.
 */
export function handleXks(corridor: XksCorridor, request: XksDoorRequest): Promise<XksAnswer> {
  const exchange = new Exchange(corridor, request);
  return new Promise((resolve) => {
    const inTime = corridor.deadlines.start(() => resolve(exchange.answerLate()));
    void exchange.answer().then((answer) => {
      if (inTime()) resolve(exchange.ended(answer));
    });
  });
}

/** One request on its way. */
class Exchange {
  private readonly started = performance.now();
  private readonly trail: XksTrail;
  private admitted: Admitted | undefined;
  /** Its one record is written, or being written: whoever comes later has nothing to say. */
  private recorded = false;
  private over = false;

  constructor(
    private readonly corridor: XksCorridor,
    private readonly request: XksDoorRequest,
  ) {
    this.trail = new XksTrail(request, corridor.service);
  }

  async answer(): Promise<XksAnswer> {
    try {
      return await this.perform();
    } catch (thrown) {
      return this.refuse(toXksError(thrown));
    }
  }

  /** Whatever still goes on is let go of: nobody will see what comes of it. */
  answerLate(): XksAnswer {
    const error = failure('DependencyTimeoutException');
    if (!this.recorded) this.recordRefusal(error).catch(this.corridor.onUnrecorded);
    return this.ended({ ok: false, error });
  }

  ended(answer: XksAnswer): XksAnswer {
    const { corridor, trail, started, admitted } = this;
    this.over = true;
    if (admitted !== undefined) corridor.admission.leave(admitted);
    const error = answer.ok ? undefined : answer.error;
    if (error === overloaded) corridor.onOverload();
    else {
      corridor.onRequest({
        trail,
        seconds: (performance.now() - started) / 1000,
        outcome: (error instanceof XksError ? error.errorName : error) ?? 'ok',
        cause: error instanceof XksError ? error.cause : undefined,
      });
    }
    return answer;
  }

  /** A refusal is recorded too. When that fails, the failure is the answer. */
  private async refuse(error: XksError): Promise<XksAnswer> {
    if (error === overloaded) return { ok: false, error };
    try {
      await this.recordRefusal(error);
      return { ok: false, error };
    } catch (thrown) {
      return { ok: false, error: toXksError(thrown) };
    }
  }

  private recordRefusal({ errorName: code, message }: XksError): Promise<void> {
    return this.record(this.trail.refusal({ code, message }));
  }

  private async record(line: string): Promise<void> {
    if (this.recorded) return;
    this.recorded = true;
    try {
      await this.corridor.audit.append(line);
    } catch (error) {
      // A refusal says so, if it can.
      this.recorded = false;
      throw error;
    }
  }

  /** Path, signature, store, fields, key, state, usage, token: the order of xks-proxy §1.10. */
  private async perform(): Promise<XksAnswer> {
    const { corridor, request, trail } = this;
    const path = parseXksPath(request.url);
    const store = path && (await corridor.stores.find(path.prefix));
    if (path === undefined || store === undefined) throw unknownPath();
    trail.path = path;
    trail.store = store;
    if (request.method !== 'POST') return this.refuseMethod();
    const { method, url, rawHeaders } = request;
    const body = await request.body();
    this.requireInTime();
    trail.accessKeyId = corridor.signatures.verify(store, { method, url, rawHeaders, body });
    // Not before: strangers, and whoever sends half a request, would keep the place of those who may call.
    this.admitted = corridor.admission.enter();
    if (this.admitted === undefined) throw overloaded;
    if (store.status !== 'ENABLED') throw disabled('The external key store is disabled.');
    const members = parseMembers(body);
    const about = metadataMembers(members);
    trail.tellOf(about);
    if (path.operation !== 'GetHealthStatus') {
      return this.performOnKey({ store, path, members, about });
    }
    requestMetadata(about, []);
    const text = JSON.stringify(corridor.health.status());
    await this.record(trail.success(randomUUID()));
    return { ok: true, text };
  }

  private async performOnKey({ store, path, members, about }: KeyRequest): Promise<XksAnswer> {
    const { corridor, trail, request } = this;
    const operation: XksOperation = xksOperations[path.operation];
    const metadata = requestMetadata(about, operation.requiredMetadata);
    const work = operation.read(members);
    if (!takeRequest(corridor.rates, store)) throw tooManyRequests();
    const { externalKey, key } = await this.findKey(path);
    trail.key = key;
    this.authorize(store, externalKey, metadata);
    requireUsable(work, externalKey, key);
    this.requireInTime();
    const { output, keyMaterialId } = await work.run({
      externalKey,
      key,
      keyring: corridor.keyring,
    });
    trail.keyMaterialId = keyMaterialId;
    const text = JSON.stringify(output);
    const eventId = randomUUID();
    await this.record(trail.success(eventId));
    if (operation.usesKey !== undefined) {
      const use = { operation: operation.usesKey, at: new Date(), requestId: request.requestId };
      corridor.keyUses.note(key.keyId, { ...use, eventId });
    }
    return { ok: true, text };
  }

  /** The answer does not say which rule it was: that is the operator's to know. */
  private authorize(store: XksStore, externalKey: ExternalKey, metadata: RequestMetadata): void {
    const denial = denialOf(metadata, store.rules, externalKey.rules);
    if (denial === undefined) return;
    this.trail.deniedBy = denial;
    throw new XksError('AccessDeniedException', 'The key store does not allow this request.');
  }

  /** What was answered meanwhile is not begun. */
  private requireInTime(): void {
    if (this.over) throw failure('DependencyTimeoutException');
  }

  private async findKey({
    prefix,
    externalKeyId,
  }: KeyPath): Promise<{ readonly externalKey: ExternalKey; readonly key: Key }> {
    const { externalKeys, finder } = this.corridor;
    const externalKey = await externalKeys.find(prefix, externalKeyId);
    const key = externalKey && (await finder.byId(externalKey.keyId));
    if (externalKey !== undefined && key !== undefined) return { externalKey, key };
    throw new XksError('KeyNotFoundException', 'The external key does not exist.');
  }

  private async refuseMethod(): Promise<XksAnswer> {
    const message = `The method ${this.request.method} is not supported.`;
    await this.record(this.trail.refusal({ code: 'MethodNotAllowed', message }));
    return { ok: false, error: 'MethodNotAllowed' };
  }
}

/** An authenticated request about a key. */
interface KeyRequest {
  readonly store: XksStore;
  readonly path: KeyPath;
  readonly members: Members;
  /** Its requestMetadata, not looked at yet. */
  readonly about: Members;
}

type KeyPath = Exclude<XksPath, { readonly operation: 'GetHealthStatus' }>;

/** State before usage (xks-proxy §1.10). */
function requireUsable({ usages }: XksWork, externalKey: ExternalKey, key: Key): void {
  if (usages.length === 0) return;
  if (!isEnabled({ externalKey, key })) throw disabled('The external key is disabled.');
  for (const usage of usages) {
    if (!externalKey.usages.includes(usage)) {
      const message = `The external key is not for ${usage}.`;
      throw new XksError('InvalidKeyUsageException', message);
    }
  }
}

function disabled(message: string): XksError {
  return new XksError('InvalidStateException', message);
}

function tooManyRequests(): XksError {
  return new XksError('ThrottlingException', 'The external key store gets too many requests.');
}

function unknownPath(): XksError {
  return new XksError('InvalidUriPathException', 'The path is not one of an external key store.');
}
