import type { Answer } from './outgoing';

/** What is wrong with one part of a request. It says what a value must be, never what it is. */
export interface Violation {
  /** RFC 6901 in its URI-fragment form: `#/Tags/0/TagKey`. */
  readonly pointer: string;
  readonly in: 'body' | 'path' | 'query' | 'header';
  readonly detail: string;
}

/** Codes of this client, where no answer of Claviger's has one. */
export type ClientCode =
  | 'ConnectionFailed'
  | 'InvalidCredentials'
  | 'InvalidPathParameter'
  | 'Timeout'
  | 'UnexpectedAnswer';

interface ErrorParts {
  readonly code: string;
  readonly detail: string;
  readonly status?: number | undefined;
  readonly requestId?: string | undefined;
  readonly errors?: readonly Violation[] | undefined;
  readonly retryAfterSeconds?: number | undefined;
}

/**
 * A request that did not succeed. Neither headers nor bodies of the request are part of it: it can be logged whole.
 */
export class ClavigerError extends Error {
  override readonly name = 'ClavigerError';
  /** AWS's (`AccessDeniedException`), or a ClientCode. */
  readonly code: string;
  /** What is wrong, in a sentence. */
  readonly detail: string;
  /** Of the answer; undefined where there was none. */
  readonly status: number | undefined;
  /** By which the audit record is found. */
  readonly requestId: string | undefined;
  /** Every violation of a request that Claviger did not understand, in order; else empty. */
  readonly errors: readonly Violation[];
  /** When Claviger is to be asked again, where it said so: for whoever puts off its own callers. */
  readonly retryAfterSeconds: number | undefined;

  constructor(parts: ErrorParts, options?: ErrorOptions) {
    super(parts.detail, options);
    this.code = parts.code;
    this.detail = parts.detail;
    this.status = parts.status;
    this.requestId = parts.requestId;
    this.errors = parts.errors ?? [];
    this.retryAfterSeconds = parts.retryAfterSeconds;
  }
}

/** An error of the client itself. */
export function clientError(
  code: ClientCode,
  detail: string,
  more: { readonly answer?: Answer; readonly cause?: unknown } = {},
): ClavigerError {
  const { answer, cause } = more;
  const parts = {
    ...{ code, detail, status: answer?.status },
    requestId: answer?.headers.get('x-amzn-requestid') ?? undefined,
  };
  return new ClavigerError(parts, cause === undefined ? undefined : { cause });
}

/** The problem document (RFC 9457) of an answer as an error. Whatever else answered is not repeated. */
export function problemOf(answer: Answer): ClavigerError {
  const { status, headers } = answer;
  const problem = readProblem(answer);
  if (problem === undefined) {
    const detail = `HTTP ${status} without a problem document: something between here and Claviger answered`;
    return clientError('UnexpectedAnswer', detail, { answer });
  }
  const after = headers.get('retry-after') ?? '';
  const retryAfterSeconds = /^\d{1,6}$/.test(after) ? Number(after) : undefined;
  return new ClavigerError({ ...problem, status, retryAfterSeconds });
}

function readProblem({ headers, text }: Answer): ErrorParts | undefined {
  const type = headers.get('content-type') ?? '';
  if (!/^application\/problem\+json *(;|$)/i.test(type)) return undefined;
  const problem = parseJson(text);
  if (typeof problem !== 'object' || problem === null) return undefined;
  const { code, title, detail = title, requestId, errors } = problem as Record<string, unknown>;
  if (typeof code !== 'string') return undefined;
  return {
    code,
    detail: typeof detail === 'string' ? detail : code,
    requestId: typeof requestId === 'string' ? requestId : undefined,
    errors: Array.isArray(errors) ? (errors as Violation[]) : [],
  };
}

/** Undefined for what is no JSON: the parser's own error repeats the beginning of the text. */
export function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
