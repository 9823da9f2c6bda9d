import type { Operation, RestLine } from '../operation';
import { operations } from '../operations';
import {
  type OperationName,
  type ServiceName,
  operationNamesOf,
  operationShapes,
} from '../shapes/operations';
import type { StructureShape } from '../shapes/model';
import { structureNamed } from '../shapes/table';

/** An operation as the REST door has it: derived from its declaration and its shapes. */
export interface Route {
  readonly operation: OperationName;
  readonly service: ServiceName;
  readonly line: RestLine;
  /** From the root of the host, members of the input in braces: `/v1/keys/{KeyId}/encrypt`. */
  readonly path: string;
  /** Members of the input by where they stand in a request; of a paged one without Limit and Marker. */
  readonly inPath: readonly string[];
  readonly inQuery: readonly string[];
  readonly inBody: readonly string[];
  /** Those of them that a request must have. */
  readonly required: readonly string[];
  /** It takes `limit` and `cursor` in its query, and answers with `next` in place of Truncated and NextMarker. */
  readonly paged: boolean;
  /** Of a success. */
  readonly status: 200 | 201 | 204;
}

export const basePath = '/v1';

/** Several operations in one request, which is therefore none of the routes. */
export const batchPath = `${basePath}/batch`;

/** The services whose operations have REST lines. */
const services = ['kms', 'claviger'] as const;

/** Every route, in order of path and method. */
export const routes: readonly Route[] = services
  .flatMap((service) =>
    operationNamesOf(service).flatMap((name) => {
      const operation = operations[name] as Operation | undefined;
      return operation?.rest === undefined ? [] : [routeOf(service, name, operation.rest)];
    }),
  )
  .sort((one, other) => (orderOf(one) < orderOf(other) ? -1 : 1));

function orderOf({ path, line }: Route): string {
  return `${path} ${line.method}`;
}

function routeOf(service: ServiceName, operation: OperationName, line: RestLine): Route {
  const { output } = operationShapes[operation];
  const { members, required = [] } = inputShapeOf(operation);
  const paged = 'Marker' in members;
  const inPath = [...line.path.matchAll(/\{(\w+)\}/g)].map(([, member]) => member ?? '');
  const others = Object.keys(members).filter(
    (member) => !inPath.includes(member) && !(paged && (member === 'Limit' || member === 'Marker')),
  );
  const strange = inPath.find((member) => !(member in members));
  if (strange !== undefined) throw new Error(`${operation} has no member ${strange} for its path`);
  const inUrl = line.method === 'GET' || line.method === 'DELETE';
  const made = line.location === undefined ? 200 : 201;
  return {
    ...{ operation, service, line, inPath, required, paged },
    path: `${basePath}${line.path}`,
    inQuery: inUrl ? others : [],
    inBody: inUrl ? [] : others,
    status: isEmpty(output) && made === 200 ? 204 : made,
  };
}

export function inputShapeOf(operation: OperationName): StructureShape {
  return structureNamed(operationShapes[operation].input);
}

function isEmpty(output: string | undefined): boolean {
  return output === undefined || Object.keys(structureNamed(output).members).length === 0;
}
