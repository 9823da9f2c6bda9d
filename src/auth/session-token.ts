import { deflateRawSync, inflateRawSync } from 'node:zlib';
import type { Policy } from '../policy/policy';
import type { Principal, Session } from '../policy/principal';
import { Secret } from './secret';
import { type WrittenSession, readSession, writeSession } from './session-json';

/** What temporary credentials carry in their token: nothing of them is kept anywhere else. */
export interface Carried {
  /** Of `secretBytes` bytes of base64. */
  readonly secret: Secret;
  /** Without an access key id: the token is bound to it. */
  readonly principal: Omit<Principal, 'accessKeyId' | 'session'> & { readonly session: Session };
}

/** A sealed token, taken apart. */
export interface SealedToken {
  readonly sealingKeyId: string;
  readonly blob: Buffer;
}

/** First byte of every token: another version has another layout. */
const version = 1;
const keyIdBytes = 32;
const headerBytes = 1 + keyIdBytes;
/** IV and tag. */
const overheadBytes = 12 + 16;

/** Random bytes of a secret; base64 makes AWS's 40 characters of them. */
export const secretBytes = 30;

/** Longest token that is given out or looked at: it has to fit into a header beside everything else. */
export const maxTokenLength = 8192;

/** What a token carries unfolds to less than this, or it is none of ours. */
const maxCarriedBytes = 1_048_576;

/**
 * What the seal binds a token to: what it is for, its version and its access key id. No other ciphertext of the token
 * has such associated data, so none can pass as a session, and no session as another's.
 */
export function tokenOwner(accessKeyId: string): string {
  return `session-sealing/${version}/${accessKeyId}`;
}

/** Version, sealing key, IV, ciphertext, tag; in base64. */
export function formatToken({ sealingKeyId, blob }: SealedToken): string {
  const key = Buffer.from(sealingKeyId, 'hex');
  return Buffer.concat([Buffer.from([version]), key, blob]).toString('base64');
}

/** Undefined for what is no token of ours. A token has one spelling only. */
export function parseToken(text: string): SealedToken | undefined {
  if (text.length > maxTokenLength) return undefined;
  const bytes = Buffer.from(text, 'base64');
  if (bytes.toString('base64') !== text) return undefined;
  if (bytes[0] !== version) return undefined;
  if (bytes.length <= headerBytes + overheadBytes + secretBytes) return undefined;
  return {
    sealingKeyId: bytes.toString('hex', 1, headerBytes),
    blob: bytes.subarray(headerBytes),
  };
}

type WrittenPrincipal = Omit<Principal, 'accessKeyId' | 'session'> & {
  readonly session: WrittenSession;
};

/**
 * The plaintext of a token: the secret, then everything else compressed. The secret stays outside, so that the length
 * of a token says nothing about it.
 */
export function serialise({ secret, principal }: Carried): Secret {
  const written: WrittenPrincipal = { ...principal, session: writeSession(principal.session) };
  const plaintext = Buffer.concat([
    Buffer.from(secret.revealText(), 'base64'),
    deflateRawSync(JSON.stringify(written)),
  ]);
  const sealed = new Secret(plaintext);
  plaintext.fill(0);
  return sealed;
}

/** Only what this service sealed comes here, so its form is not doubted. */
export function deserialise(plaintext: Secret, compile: (text: string) => Policy): Carried {
  const bytes = plaintext.reveal();
  const json = inflateRawSync(bytes.subarray(secretBytes), { maxOutputLength: maxCarriedBytes });
  const { session, ...principal } = JSON.parse(json.toString('utf8')) as WrittenPrincipal;
  return {
    secret: new Secret(bytes.toString('base64', 0, secretBytes)),
    principal: {
      ...principal,
      // JSON leaves out what is undefined.
      userName: principal.userName,
      session: readSession(session, compile),
    },
  };
}

/** Compressed bytes that policies and tags of a session may take: what AWS calls its allotted space. */
const packedLimit = 4096;

/** AWS's PackedPolicySize: the percentage of the allotted space that policies and tags take. */
export function packedPolicySize(session: Pick<Session, 'policies' | 'tags'>): number {
  const tagged = Object.keys(session.tags).length > 0;
  if (session.policies.length === 0 && !tagged) return 0;
  const text = JSON.stringify([session.policies.map((policy) => policy.text), session.tags]);
  return Math.ceil((deflateRawSync(text).length * 100) / packedLimit);
}
