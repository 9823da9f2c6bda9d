import type { OperationShape } from './model';
import {
  type ClavigerErrorName,
  type ClavigerOperationInputs,
  type ClavigerOperationName,
  type ClavigerOperationOutputs,
  operations as claviger,
} from './claviger.generated';
import {
  type IamErrorName,
  type IamOperationInputs,
  type IamOperationName,
  type IamOperationOutputs,
  operations as iam,
} from './iam.generated';
import {
  type KmsErrorName,
  type KmsOperationInputs,
  type KmsOperationName,
  type KmsOperationOutputs,
  operations as kms,
} from './kms.generated';
import {
  type StsErrorName,
  type StsOperationInputs,
  type StsOperationName,
  type StsOperationOutputs,
  operations as sts,
} from './sts.generated';

/** The services of AWS, by the names that SigV4 scopes, actions in policies and CloudTrail's event sources have for them. */
export type AwsServiceName = 'kms' | 'iam' | 'sts';

/** `claviger` has what AWS has no operation for; its requests come by REST alone, and are signed for `kms`. */
export type ServiceName = AwsServiceName | 'claviger';

/** No two of the services have an operation of the same name. */
export type OperationName =
  KmsOperationName | IamOperationName | StsOperationName | ClavigerOperationName;

/** Errors that the models of the services name. */
export type ModelErrorName = KmsErrorName | IamErrorName | StsErrorName | ClavigerErrorName;

export interface OperationInputs
  extends KmsOperationInputs, IamOperationInputs, StsOperationInputs, ClavigerOperationInputs {}

/** An operation without an output shape answers with an empty body. */
export interface OperationOutputs
  extends KmsOperationOutputs, IamOperationOutputs, StsOperationOutputs, ClavigerOperationOutputs {}

export const operationShapes: Readonly<Record<OperationName, OperationShape<ModelErrorName>>> = {
  ...kms,
  ...iam,
  ...sts,
  ...claviger,
};

const operationsOf: Readonly<Record<ServiceName, object>> = { kms, iam, sts, claviger };

/** The service's operation of that name as a client wrote it; undefined when it has none. */
export function operationNamed(
  service: ServiceName | undefined,
  claimed: string | undefined,
): OperationName | undefined {
  return service !== undefined &&
    claimed !== undefined &&
    Object.hasOwn(operationsOf[service], claimed)
    ? (claimed as OperationName)
    : undefined;
}

interface NamesOf {
  kms: KmsOperationName;
  iam: IamOperationName;
  sts: StsOperationName;
  claviger: ClavigerOperationName;
}

/** The names of a service's operations, sorted. */
export function operationNamesOf<S extends ServiceName>(service: S): readonly NamesOf[S][] {
  return Object.keys(operationsOf[service]) as NamesOf[S][];
}
