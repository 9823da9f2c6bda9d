import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { CommandError } from './subcommand';

/**
 * What travels between two sites: a public key as PEM, with the id of its pair in a line of text before it (RFC 7468, section
 * 2, lets text stand there), and the wrapping key under it, as JSON.
 */

const idLine = 'Claviger transfer key';
const kind = 'claviger-wrapping-key';
const version = 1;
const algorithm = 'RSAES_OAEP';
const hexId = /^[0-9a-f]{64}$/;
/** Far more than either file has. */
const maxBytes = 64 * 1024;

export interface PublicTransferKey {
  readonly transferKeyId: string;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
}

export interface ExportedWrappingKey {
  readonly wrappingKeyId: string;
  readonly transferKeyId: string;
  readonly wrapped: Buffer;
}

/** SHA-256 of SubjectPublicKeyInfo, for two people to compare. */
export function fingerprint(publicKey: Buffer): string {
  return `SHA256:${createHash('sha256').update(publicKey).digest('hex')}`;
}

export function formatPublicKey({ transferKeyId, publicKey }: PublicTransferKey): string {
  const lines = publicKey.toString('base64').match(/.{1,64}/g) ?? [];
  return [
    `${idLine}: ${transferKeyId}`,
    '-----BEGIN PUBLIC KEY-----',
    ...lines,
    '-----END PUBLIC KEY-----',
    '',
  ].join('\n');
}

export function readPublicKey(file: string): PublicTransferKey {
  const text = readText(file);
  const transferKeyId = new RegExp(`^${idLine}: ([0-9a-f]{64})\\r?$`, 'm').exec(text)?.[1];
  const key = parsePublicKey(text);
  if (transferKeyId === undefined || key?.asymmetricKeyDetails?.modulusLength !== 4096) {
    throw new CommandError(
      `${file} is no public key that \`claviger wrapping-key prepare-import\` wrote`,
    );
  }
  return { transferKeyId, publicKey: key.export({ type: 'spki', format: 'der' }) };
}

function parsePublicKey(text: string): KeyObject | undefined {
  try {
    return createPublicKey(text);
  } catch {
    return undefined;
  }
}

export function formatExported({
  wrappingKeyId,
  transferKeyId,
  wrapped,
}: ExportedWrappingKey): string {
  const file = { kind, version, wrappingKeyId, transferKeyId, algorithm };
  return `${JSON.stringify({ ...file, wrapped: wrapped.toString('base64') }, undefined, 2)}\n`;
}

export function readExported(file: string): ExportedWrappingKey {
  const fields = parseObject(readText(file));
  if (fields?.['kind'] !== kind) {
    throw new CommandError(`${file} is nothing that \`claviger wrapping-key export\` wrote`);
  }
  if (fields['version'] !== version || fields['algorithm'] !== algorithm) {
    throw new CommandError(`${file} was written by another version, which this one cannot read`);
  }
  const { wrappingKeyId, transferKeyId, wrapped } = fields;
  if (!isId(wrappingKeyId) || !isId(transferKeyId) || !isBase64(wrapped)) {
    throw new CommandError(`${file} is damaged`);
  }
  return { wrappingKeyId, transferKeyId, wrapped: Buffer.from(wrapped, 'base64') };
}

function isId(value: unknown): value is string {
  return typeof value === 'string' && hexId.test(value);
}

function isBase64(value: unknown): value is string {
  return (
    typeof value === 'string' && /^([A-Za-z0-9+/]{4})+([A-Za-z0-9+/]{2,3}={1,2})?$/.test(value)
  );
}

function parseObject(text: string): Partial<Record<string, unknown>> | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? { ...value } : undefined;
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    throw new CommandError(`${file} cannot be read: ${codeOf(error)}`);
  }
  if (text.length > maxBytes) throw new CommandError(`${file} is too large to be what it should`);
  return text;
}

/** A new file that others cannot read, or standard output. An existing file is never overwritten. */
export function writeText(file: string | undefined, text: string): void {
  if (file === undefined) {
    process.stdout.write(text);
    return;
  }
  try {
    writeFileSync(file, text, { mode: 0o600, flag: 'wx' });
  } catch (error) {
    throw new CommandError(`${file} cannot be written: ${codeOf(error)}`);
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : 'failed';
}
