import createClient, {
  type Client,
  type ParamsOption,
  type RequestBodyOption,
  defaultPathSerializer,
} from 'openapi-fetch';
import { type Caller, withAuthorization } from './authorization';
import { deliver } from './delivery';
import { clientError, parseJson, problemOf } from './errors';
import { type Answer, type Transport, readOutgoing } from './outgoing';
import { type RetryOptions, withRetries } from './retries';
import type { paths } from './schema.generated';

export type ClavigerClientOptions = Caller & {
  /** Where Claviger is, without `/v1`: `https://kms.internal:4599`. */
  readonly baseUrl: string;
  /** In place of the global fetch, see tlsFetch. It must not follow redirects. */
  readonly fetch?: Transport;
  /** Milliseconds that one attempt may take, by default 10,000. */
  readonly timeoutMs?: number;
  /** False: a request is sent once. */
  readonly retries?: RetryOptions | false;
};

type Method = 'get' | 'put' | 'post' | 'delete' | 'patch';

type PathWith<M extends Method> = {
  [Path in keyof paths]: paths[Path] extends Readonly<Record<M, object>> ? Path : never;
}[keyof paths];

/** What a call is given beside its path: `params` (`path`, `query`, `header`) and `body`, as the operation has them. */
export type CallOptions<Operation> = ParamsOption<Operation> &
  RequestBodyOption<Operation> & {
    readonly headers?: Readonly<Record<string, string>>;
    /** Ends the call, with the signal's reason. */
    readonly signal?: AbortSignal;
  };

type Given<Options> = object extends Options ? [options?: Options] : [options: Options];

/** The body of an operation's success; undefined where it has none. */
export type Data<Operation> = Operation extends { responses: infer Responses }
  ? {
      [Status in keyof Responses & (200 | 201 | 204)]: Responses[Status] extends {
        content: { 'application/json': infer Body };
      }
        ? Body
        : undefined;
    }[keyof Responses & (200 | 201 | 204)]
  : never;

/** @throws ClavigerError for whatever is not a success; what `credentials`, `token` or `signal` throw */
type Call<M extends Method> = <Path extends PathWith<M>>(
  path: Path,
  ...given: Given<CallOptions<paths[Path][M]>>
) => Promise<{ readonly data: Data<paths[Path][M]>; readonly response: Response }>;

/** Paths whose GET gives a list in pages. */
type PagedPath = {
  [Path in PathWith<'get'>]: 'next' extends keyof Data<paths[Path]['get']> ? Path : never;
}[PathWith<'get'>];

export interface ClavigerClient extends Pick<Client<paths>, 'use' | 'eject'> {
  readonly GET: Call<'get'>;
  readonly PUT: Call<'put'>;
  readonly POST: Call<'post'>;
  readonly DELETE: Call<'delete'>;
  readonly PATCH: Call<'patch'>;
  /** The pages of a list, one after the other, each asked for when it is wanted; `limit` is the size of a page. */
  pages<Path extends PagedPath>(
    path: Path,
    ...given: Given<CallOptions<paths[Path]['get']>>
  ): AsyncGenerator<Data<paths[Path]['get']>, void, undefined>;
}

/**
 * A client of Claviger's REST API: openapi-fetch's calls, with authorization, retries, time limits, and refusals as
 * errors. Paths and members are those of the OpenAPI document at `/v1/openapi.json`.
 */
export function createClavigerClient(options: ClavigerClientOptions): ClavigerClient {
  const { baseUrl, fetch = globalThis.fetch, timeoutMs = 10_000, retries = {} } = options;
  const once = withAuthorization(deliver(fetch, timeoutMs), options);
  const send = withRetries(once, retries === false ? { attempts: 1 } : retries);
  const client = createClient<paths>({
    baseUrl: checkedBaseUrl(baseUrl),
    fetch: async (request) => succeeded(await send(await readOutgoing(request))),
    pathSerializer,
  });
  // `succeeded` throws whatever is not data, so that their union with errors is not ours; the calls are the same.
  const { GET, PUT, POST, DELETE, PATCH, use, eject } = client as unknown as ClavigerClient;
  return { GET, PUT, POST, DELETE, PATCH, use, eject, pages: pagesBy(GET) };
}

/** Credentials in a URL would stand in every error that names it. */
function checkedBaseUrl(text: string): string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  const plain = url !== undefined && /^https?:$/.test(url.protocol);
  if (!plain || `${url.username}${url.password}${url.search}${url.hash}` !== '') {
    throw new TypeError('baseUrl must be an http or https URL without user, query and fragment');
  }
  return url.href;
}

/** A parameter is one segment of the path: URL would take `..` for a way up, to another operation. */
function pathSerializer(path: string, parameters: Record<string, unknown>): string {
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value === 'string' && !/^\.{0,2}$/.test(value)) continue;
    throw clientError('InvalidPathParameter', `${name} must be a text that names something`);
  }
  return defaultPathSerializer(path, parameters);
}

/** A success, for openapi-fetch. @throws ClavigerError for anything else, and for a success that is not Claviger's */
function succeeded(answer: Answer): Response {
  const { status, headers, text } = answer;
  if (status < 200 || status > 299) throw problemOf(answer);
  if (text !== '' && parseJson(text) === undefined) {
    throw clientError('UnexpectedAnswer', `HTTP ${status} that is not JSON`, { answer });
  }
  return new Response(text === '' ? null : text, { status, headers });
}

function pagesBy(get: ClavigerClient['GET']): ClavigerClient['pages'] {
  const list = get as (path: string, options: object) => Promise<{ data: { next?: string } }>;
  async function* pages(path: string, options: { params?: { query?: object } } = {}) {
    let cursor: string | undefined;
    do {
      const from = cursor === undefined ? {} : { cursor };
      const params = { ...options.params, query: { ...options.params?.query, ...from } };
      const { data } = await list(path, { ...options, params });
      yield data;
      cursor = data.next;
    } while (cursor !== undefined);
  }
  return pages as unknown as ClavigerClient['pages'];
}
