export { fromBase64, toBase64 } from './base64';
export type { Caller, Provided } from './authorization';
export {
  type CallOptions,
  type ClavigerClient,
  type ClavigerClientOptions,
  type Data,
  createClavigerClient,
} from './client';
export { type ClientCode, type Violation, ClavigerError } from './errors';
export type { Transport } from './outgoing';
export type { RetryOptions } from './retries';
export type { components, operations, paths } from './schema.generated';
export type { Credentials } from './sigv4';
export { type TlsOptions, tlsFetch } from './tls';
