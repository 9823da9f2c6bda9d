import { decodeBase64 } from '../shapes/base64';
import { integrityValue } from '../xks/cdiv';
import { type XksErrorName, xksStatuses } from '../xks/errors';
import type { HealthStatus } from '../xks/health';
import { type ExternalKeyMetadata, type ExternallySealed, XksFault } from './client';
import { kindOfRefusal, type ProxyOperation } from './refusals';
import type { RawAnswer } from './transport';

type Members = Readonly<Record<string, unknown>>;

const json = /^application\/json *(;|$)/i;
const utf8 = new TextDecoder('utf-8', { fatal: true });
const tagBytes = 16;
const maxMetadataBytes = 20;
/** Texts of a proxy that a caller, or an operator, is shown. */
const shortText = /^[\x20-\x7e]{1,64}$/;
const maxKeyUsages = 10;
const maxTextLength = 1024;
const maxManagers = 10;
const ivLengths: ReadonlySet<number> = new Set([12, 16]);
const healths = ['ACTIVE', 'DEGRADED', 'UNAVAILABLE'] as const;

/** The members of an answer with status 200. Throws the XksFault of any other, and of what is no answer. */
export function readMembers(operation: ProxyOperation, answer: RawAnswer): Members {
  const { status, body, contentType } = answer;
  if (!json.test(contentType ?? '')) {
    throw invalid(`it is not application/json, with status ${status}`);
  }
  const members = parse(body);
  if (status === 200) return members;
  throw refusal(operation, status, members);
}

function parse(body: Buffer): Members {
  let value: unknown;
  try {
    value = JSON.parse(utf8.decode(body));
  } catch {
    // What the parser says quotes the answer.
    throw invalid('it is no JSON');
  }
  if (!isObject(value)) throw invalid('it is no JSON object');
  return value;
}

/** An error that the API does not have for the operation, or not with the status, is none that can be interpreted. */
function refusal(operation: ProxyOperation, status: number, members: Members): XksFault {
  const { errorName, errorMessage } = members;
  const name = isErrorName(errorName) && xksStatuses[errorName] === status ? errorName : undefined;
  const kind = name === undefined ? undefined : kindOfRefusal(operation, name);
  if (name === undefined || kind === undefined) {
    return invalid(`status ${status} without an error that ${operation} has`);
  }
  return new XksFault(kind, `${name}: ${printable(errorMessage)}`);
}

function isErrorName(value: unknown): value is XksErrorName {
  return typeof value === 'string' && Object.hasOwn(xksStatuses, value);
}

function printable(message: unknown): string {
  if (typeof message !== 'string') return '(no message)';
  return message.slice(0, 512).replace(/[^\x20-\x7e]/g, '?');
}

/** xks-proxy §1.4 */
export function readKeyMetadata(members: Members): ExternalKeyMetadata {
  const { keySpec, keyUsage, keyStatus } = members;
  if (!isShortText(keySpec)) throw invalid('keySpec is no short text');
  if (!isShortText(keyStatus)) throw invalid('keyStatus is no short text');
  if (!Array.isArray(keyUsage) || keyUsage.length > maxKeyUsages || !keyUsage.every(isShortText)) {
    throw invalid(`keyUsage is no list of ${maxKeyUsages} short texts at the most`);
  }
  return { keySpec, keyStatus, keyUsage };
}

/**
 * xks-proxy §1.5. The CDIV is computed from what was asked and what came: a proxy that gives the right one promises that
 * it has decrypted the ciphertext.
 */
export function readSealed(
  members: Members,
  { plaintext, aad }: { readonly plaintext: Buffer; readonly aad: Buffer },
): ExternallySealed {
  const metadata = members['ciphertextMetadata'];
  const sealed: ExternallySealed = {
    ciphertext: bytes(members, 'ciphertext', (length) => length === plaintext.length),
    iv: bytes(members, 'initializationVector', (length) => ivLengths.has(length)),
    tag: bytes(members, 'authenticationTag', (length) => length === tagBytes),
    metadata:
      metadata === undefined || metadata === null
        ? Buffer.alloc(0)
        : bytes(members, 'ciphertextMetadata', (length) => length <= maxMetadataBytes),
  };
  if (members['ciphertextDataIntegrityValue'] !== integrityValue({ ...sealed, aad })) {
    throw invalid('ciphertextDataIntegrityValue is not that of the ciphertext');
  }
  return sealed;
}

/** xks-proxy §1.6 */
export function readOpened(members: Members, { ciphertext }: ExternallySealed): Buffer {
  return bytes(members, 'plaintext', (length) => length === ciphertext.length);
}

/** xks-proxy §1.9 */
export function readHealth(members: Members): HealthStatus {
  const { xksProxyFleetSize, ekmFleetDetails } = members;
  if (!Number.isSafeInteger(xksProxyFleetSize) || Number(xksProxyFleetSize) < 1) {
    throw invalid('xksProxyFleetSize is no positive integer');
  }
  if (
    !Array.isArray(ekmFleetDetails) ||
    ekmFleetDetails.length < 1 ||
    ekmFleetDetails.length > maxManagers
  ) {
    throw invalid(`ekmFleetDetails is no list of 1 to ${maxManagers}`);
  }
  return {
    xksProxyFleetSize: Number(xksProxyFleetSize),
    xksProxyVendor: text(members, 'xksProxyVendor'),
    xksProxyModel: text(members, 'xksProxyModel'),
    ekmVendor: text(members, 'ekmVendor'),
    ekmFleetDetails: ekmFleetDetails.map(readManager),
  };
}

function readManager(value: unknown): HealthStatus['ekmFleetDetails'][number] {
  if (!isObject(value)) throw invalid('ekmFleetDetails has what is no object');
  const healthStatus = healths.find((health) => health === value['healthStatus']);
  if (healthStatus === undefined) throw invalid('healthStatus is none');
  return { id: text(value, 'id'), model: text(value, 'model'), healthStatus };
}

/** All of its key managers are out of order: to AWS KMS, so is the proxy. */
export function requireHealthy(health: HealthStatus): HealthStatus {
  if (health.ekmFleetDetails.some(({ healthStatus }) => healthStatus !== 'UNAVAILABLE')) {
    return health;
  }
  throw new XksFault('unhealthy', 'all external key managers are UNAVAILABLE');
}

function bytes(members: Members, name: string, isLength: (length: number) => boolean): Buffer {
  const value = members[name];
  const decoded = typeof value === 'string' ? decodeBase64(value) : undefined;
  if (decoded === undefined) throw invalid(`${name} is no base64`);
  if (!isLength(decoded.length)) throw invalid(`${name} has ${decoded.length} bytes`);
  return decoded;
}

function text(members: Members, name: string): string {
  const value = members[name];
  if (typeof value === 'string' && value.length <= maxTextLength) return value;
  throw invalid(`${name} is no text`);
}

function isShortText(value: unknown): value is string {
  return typeof value === 'string' && shortText.test(value);
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is wrong is said by members and lengths: never by what they hold. */
function invalid(what: string): XksFault {
  return new XksFault('invalid-response', `the answer cannot be interpreted: ${what}`);
}
