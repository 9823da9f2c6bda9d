import { parseInput } from '../shapes';
import { type OperationInputs, type OperationName } from '../shapes/operations';
import type { Shape } from '../shapes/model';
import { shapeNamed } from '../shapes/table';
import { type QueryValues, readQuery } from './query';
import type { Route } from './routes';
import { inputShapeOf } from './routes';

/** What a request has of an input, each part as it was sent. */
export interface RequestParts {
  /** Decoded. */
  readonly path: Readonly<Record<string, string>>;
  /** The raw query, without its question mark. */
  readonly query: string;
  /** The body's JSON value; undefined where there is none. */
  readonly body: unknown;
}

export function inputOf<N extends OperationName>(
  route: Route & { readonly operation: N },
  parts: RequestParts,
): OperationInputs[N] {
  const query = readQuery(parts.query);
  const raw: Record<string, unknown> = { ...(parts.body as object), ...parts.path };
  for (const member of route.inQuery) {
    const values = query.get(member);
    if (values !== undefined) raw[member] = jsonOf(values, memberShape(route, member));
  }
  return parseInput(route.operation, { ...raw, ...(route.paged && page(query)) });
}

function page(query: QueryValues): object {
  const [limit] = query.get('limit') ?? [];
  const [cursor] = query.get('cursor') ?? [];
  return {
    ...(limit !== undefined && { Limit: Number(limit) }),
    ...(cursor !== undefined && { Marker: Buffer.from(cursor, 'base64url').toString() }),
  };
}

function memberShape(route: Route, member: string): Shape {
  return shapeNamed(inputShapeOf(route.operation).members[member] ?? '');
}

function jsonOf(values: readonly string[], { type }: Shape): unknown {
  const [value = ''] = values;
  if (type === 'list') return values;
  if (type === 'integer') return Number(value);
  return type === 'boolean' ? value === 'true' : value;
}
