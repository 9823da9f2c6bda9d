import type { OperationName } from '../../shapes/operations';

/** A request and what it is answered, as JSON has them. */
export interface Example {
  /** Members by name, wherever the request has them; `limit` and `cursor` of a list too. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Absent where the answer has no body. */
  readonly answer?: Readonly<Record<string, unknown>>;
}

/** `Batch` stands for several operations. */
export type Examples = Partial<Readonly<Record<OperationName | 'Batch', Example>>>;
