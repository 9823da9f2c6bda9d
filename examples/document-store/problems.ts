/** Everything that is refused, and how it is told (RFC 9457). */
const kinds = {
  BadRequest: [400, 'The request is not as it has to be'],
  NotFound: [404, 'There is no such thing'],
  MethodNotAllowed: [405, 'The method is not one of this resource'],
  TenantExists: [409, 'The tenant exists'],
  KeyDisabled: [409, "The tenant's key is disabled"],
  TenantShredded: [410, 'The tenant was shredded'],
  TooLarge: [413, 'The document or the request is too large'],
  UnsupportedMediaType: [415, 'The body is not of a type that is taken here'],
  Damaged: [500, 'The stored document does not open'],
  Internal: [500, 'Something went wrong'],
  // What the caller cannot change, and waiting does not either: an operator has to look.
  KeyDenied: [502, 'Claviger does not let this service use the key'],
  Unavailable: [503, 'Claviger or the database cannot answer now'],
} as const;

export type ProblemCode = keyof typeof kinds;

/** A refusal. `detail` is for whoever asked: never of a document, a key, or an error underneath. */
export class Problem extends Error {
  override readonly name = 'Problem';
  readonly code: ProblemCode;
  readonly retryAfterSeconds: number | undefined;

  constructor(code: ProblemCode, detail: string, options: ProblemOptions = {}) {
    super(detail, { cause: options.cause });
    this.code = code;
    this.retryAfterSeconds = options.retryAfterSeconds;
  }

  get status(): number {
    return kinds[this.code][0];
  }

  /** The body: `application/problem+json`. */
  get document(): Readonly<Record<string, unknown>> {
    const [status, title] = kinds[this.code];
    return {
      type: `urn:document-store:problem:${this.code}`,
      ...{ title, status, detail: this.message, code: this.code },
    };
  }
}

interface ProblemOptions {
  readonly retryAfterSeconds?: number | undefined;
  readonly cause?: unknown;
}
