import { type CborMap, type CborValue, readCbor } from './cbor';
import { AttestationFault } from './fault';

/** Where a document comes from: an enclave of the Nitro Hypervisor, or an instance with a NitroTPM. */
export type Attester = 'enclave' | 'nitro-tpm';

/** What an attestation document says, in the form that AWS prescribes. Nobody has vouched for it yet. */
export interface AttestationDocument {
  readonly attester: Attester;
  readonly moduleId: string;
  readonly createdAt: Date;
  /** In lower-case hexadecimal, by index. */
  readonly pcrs: ReadonlyMap<number, string>;
  readonly certificate: Buffer;
  /** The root first, the issuer of the certificate last. */
  readonly cabundle: readonly Buffer[];
  /** DER. */
  readonly publicKey: Buffer;
}

/** The member that has the platform configuration registers: each attester has its own, so that none passes for the other. */
const pcrMembers: Readonly<Record<Attester, string>> = {
  enclave: 'pcrs',
  'nitro-tpm': 'nitrotpm_pcrs',
};
const required = ['module_id', 'digest', 'timestamp', 'certificate', 'cabundle', 'public_key'];
const optional = ['user_data', 'nonce'];

const maxModuleId = 256;
const pcrLengths: readonly number[] = [32, 48, 64];
const maxPcrIndex = 31;
const maxCertificate = 1024;
const maxCabundle = 8;
const maxUserData = 1024;

/**
 * The payload of a document: "Nitro Enclaves Attestation Process" §2.2 and §3.2.2, and "Validate a NitroTPM Attestation
 * Document". Documents have null for what AWS calls absent. Members that we do not know could change what the others mean.
 * @throws AttestationFault
 */
export function readDocument(payload: Buffer): AttestationDocument {
  const document = readCbor(payload);
  if (!isMap(document)) throw new AttestationFault('the document is not a map');
  const attester: Attester = document.has(pcrMembers['nitro-tpm']) ? 'nitro-tpm' : 'enclave';
  requireMembers(document, [...required, pcrMembers[attester]]);
  if (document.get('digest') !== 'SHA384') throw new AttestationFault('digest is not SHA384');
  for (const name of optional) requireUserData(document, name);
  return {
    attester,
    moduleId: readModuleId(document.get('module_id')),
    createdAt: readTimestamp(document.get('timestamp')),
    pcrs: readPcrs(document.get(pcrMembers[attester])),
    certificate: readBytes(document.get('certificate'), 'certificate', maxCertificate),
    cabundle: readCabundle(document.get('cabundle')),
    publicKey: readBytes(document.get('public_key'), 'public_key', maxUserData),
  };
}

function isMap(value: CborValue | undefined): value is CborMap {
  return value instanceof Map;
}

function requireMembers(document: CborMap, names: readonly string[]): void {
  const missing = names.find((name) => (document.get(name) ?? null) === null);
  if (missing !== undefined) throw new AttestationFault(`${missing} is missing`);
  const known = [...names, ...optional];
  if ([...document.keys()].some((name) => !known.includes(String(name)))) {
    throw new AttestationFault('the document has a member that none has');
  }
}

function requireUserData(document: CborMap, name: string): void {
  const value = document.get(name) ?? null;
  if (value === null) return;
  if (!Buffer.isBuffer(value) || value.length > maxUserData) {
    throw new AttestationFault(`${name} is not bytes, ${maxUserData} of them at the most`);
  }
}

/** It stands in audit records: nothing that could pretend to be more than a name. */
function readModuleId(value: CborValue | undefined): string {
  if (typeof value !== 'string' || value.length > maxModuleId || !/^[!-~]+$/.test(value)) {
    throw new AttestationFault(`module_id is not 1 to ${maxModuleId} visible ASCII characters`);
  }
  return value;
}

/** The last moment that a Date can be. */
const maxDate = 8.64e15;

function readTimestamp(value: CborValue | undefined): Date {
  if (typeof value !== 'number' || value <= 0 || value > maxDate) {
    throw new AttestationFault('timestamp is not a time');
  }
  return new Date(value);
}

function readPcrs(value: CborValue | undefined): ReadonlyMap<number, string> {
  if (!isMap(value) || value.size === 0) throw new AttestationFault('there are no PCRs');
  const pcrs = [...value].map(([index, pcr]): [number, string] => {
    if (typeof index !== 'number' || index < 0 || index > maxPcrIndex) {
      throw new AttestationFault(`a PCR has an index that is not 0 to ${maxPcrIndex}`);
    }
    if (!Buffer.isBuffer(pcr) || !pcrLengths.includes(pcr.length)) {
      throw new AttestationFault(`PCR${index} is not bytes, 32, 48 or 64 of them`);
    }
    return [index, pcr.toString('hex')];
  });
  return new Map(pcrs);
}

function readCabundle(value: CborValue | undefined): readonly Buffer[] {
  if (!Array.isArray(value) || value.length === 0 || value.length > maxCabundle) {
    throw new AttestationFault(`cabundle is not an array of 1 to ${maxCabundle}`);
  }
  return (value as readonly CborValue[]).map((one) => readBytes(one, 'cabundle', maxCertificate));
}

function readBytes(value: CborValue | undefined, name: string, most: number): Buffer {
  if (!Buffer.isBuffer(value) || value.length === 0 || value.length > most) {
    throw new AttestationFault(`${name} is not bytes, 1 to ${most} of them`);
  }
  return value;
}
