/**
 * What the generated table says of a shape: the constraint traits of the AWS service model, read at run time by the
 * input decoder, the validators and the output writers. Shapes name each other by their key in the table.
 */
export type Shape =
  | StringShape
  | BlobShape
  | IntegerShape
  | BooleanShape
  | TimestampShape
  | ListShape
  | MapShape
  | StructureShape;

/** Lengths are in code points. `pattern` is the model's own text and must match the whole string. */
export interface StringShape {
  readonly type: 'string';
  readonly min?: number;
  readonly max?: number;
  readonly pattern?: string;
  readonly enum?: readonly string[];
  readonly sensitive?: boolean;
}

/** Lengths are in bytes, after base64. */
export interface BlobShape {
  readonly type: 'blob';
  readonly min?: number;
  readonly max?: number;
  readonly sensitive?: boolean;
}

export interface IntegerShape {
  readonly type: 'integer';
  readonly min?: number;
  readonly max?: number;
}

export interface BooleanShape {
  readonly type: 'boolean';
}

/** Seconds since 1970 on the wire, with a fraction for milliseconds. */
export interface TimestampShape {
  readonly type: 'timestamp';
}

/** `min` and `max` count elements. */
export interface ListShape {
  readonly type: 'list';
  readonly member: string;
  readonly min?: number;
  readonly max?: number;
}

/** KMS has maps from string to string only. */
export interface MapShape {
  readonly type: 'map';
  readonly key: string;
  readonly value: string;
}

export interface StructureShape {
  readonly type: 'structure';
  readonly members: Readonly<Record<string, string>>;
  readonly required?: readonly string[];
}

export interface OperationShape<ErrorName extends string> {
  readonly input: string;
  /** Absent for an operation whose answer has no body. */
  readonly output?: string;
  readonly errors: readonly ErrorName[];
}
