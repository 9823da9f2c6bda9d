import { hash } from 'node:crypto';
import type { SigningAlgorithm, SigningRequest } from '../../hsm';
import { KmsError, invalidMember } from '../errors';
import type { MessageType } from '../shapes/kms.generated';
import type { Key } from './key';
import type { SigningHash } from './rsa-digest';
import { algorithmsOf, requireAlgorithm } from './specs';
import {
  type Verifier,
  ecdsaDigest,
  ecdsaMessage,
  ed25519Message,
  ed25519phMessage,
  mlDsaMessage,
  mlDsaMu,
  rsaDigest,
  rsaMessage,
} from './verifiers';

/** What Sign and Verify are asked about. */
export interface Signable {
  readonly Message: Buffer;
  readonly MessageType?: MessageType;
  readonly SigningAlgorithm: string;
}

/** What a Message is to an algorithm. */
interface Reading {
  /** The only length that it may have. */
  readonly length?: number;
  /** What the token signs. */
  readonly input: (message: Buffer) => Buffer;
  readonly externalMu?: true;
  readonly verify: Verifier;
}

/** The types of message that an algorithm signs (kms-semantics §3.4). */
type Readings = Readonly<Partial<Record<MessageType, Reading>>>;

const digestLength: Readonly<Record<SigningHash, number>> = { sha256: 32, sha384: 48, sha512: 64 };

const asItIs = (message: Buffer): Buffer => message;
const hashed =
  (name: SigningHash) =>
  (message: Buffer): Buffer =>
    hash(name, message, 'buffer');

const hashing = (
  name: SigningHash,
  { message, digest }: { readonly message: Verifier; readonly digest: Verifier },
): Readings => ({
  RAW: { input: hashed(name), verify: message },
  DIGEST: { length: digestLength[name], input: asItIs, verify: digest },
});
const pkcs1 = (name: SigningHash): Readings =>
  hashing(name, { message: rsaMessage('pkcs1', name), digest: rsaDigest('pkcs1', name) });
const pss = (name: SigningHash): Readings =>
  hashing(name, { message: rsaMessage('pss', name), digest: rsaDigest('pss', name) });
const ecdsa = (name: SigningHash): Readings =>
  hashing(name, { message: ecdsaMessage(name), digest: ecdsaDigest });

const algorithms: Readonly<Record<SigningAlgorithm, Readings>> = {
  RSASSA_PSS_SHA_256: pss('sha256'),
  RSASSA_PSS_SHA_384: pss('sha384'),
  RSASSA_PSS_SHA_512: pss('sha512'),
  RSASSA_PKCS1_V1_5_SHA_256: pkcs1('sha256'),
  RSASSA_PKCS1_V1_5_SHA_384: pkcs1('sha384'),
  RSASSA_PKCS1_V1_5_SHA_512: pkcs1('sha512'),
  ECDSA_SHA_256: ecdsa('sha256'),
  ECDSA_SHA_384: ecdsa('sha384'),
  ECDSA_SHA_512: ecdsa('sha512'),
  ED25519_SHA_512: { RAW: { input: asItIs, verify: ed25519Message } },
  // AWS KMS hashes the digest that it is given once more: Ed25519ph with the digest as its message.
  ED25519_PH_SHA_512: {
    DIGEST: { length: digestLength.sha512, input: asItIs, verify: ed25519phMessage },
  },
  ML_DSA_SHAKE_256: {
    RAW: { input: asItIs, verify: mlDsaMessage },
    EXTERNAL_MU: { length: 64, input: asItIs, externalMu: true, verify: mlDsaMu },
  },
};

/** Algorithm, type of message and its length, in this order (kms-semantics §0, steps 10 and 11). */
export function requireSignable(key: Key, signable: Signable): void {
  requireAlgorithm(key, signable.SigningAlgorithm, 'SigningAlgorithm');
  const algorithm = algorithmOf(signable);
  const messageType = messageTypeOf(signable);
  const reading = algorithms[algorithm][messageType];
  if (reading === undefined) throw incompatible(key, algorithm, messageType);
  if (reading.length !== undefined && signable.Message.length !== reading.length) {
    throw invalidMember('Message', `Digest is invalid length for algorithm ${algorithm}.`);
  }
}

/** What the token is asked, of what was found signable. */
export function signingRequest(signable: Signable): SigningRequest {
  const { input, externalMu = false } = readingOf(signable);
  return { algorithm: algorithmOf(signable), input: input(signable.Message), externalMu };
}

/** Throws KMSInvalidSignatureException, one error for every reason. */
export function requireSignature(key: Key, signable: Signable, signature: Buffer): void {
  if (readingOf(signable).verify(key, signable.Message, signature)) return;
  throw new KmsError('KMSInvalidSignatureException');
}

/** The effective one: kms:MessageType is the default too (kms-semantics §6.8). */
export function messageTypeOf({ MessageType }: Pick<Signable, 'MessageType'>): MessageType {
  return MessageType ?? 'RAW';
}

/** Says the key spec where none of its algorithms takes such a message, else the algorithm. */
function incompatible(
  { keySpec, keyUsage }: Key,
  algorithm: SigningAlgorithm,
  messageType: MessageType,
): KmsError {
  const others = algorithmsOf(keySpec, keyUsage).filter(isSigningAlgorithm);
  const fault = others.some((other) => algorithms[other][messageType] !== undefined)
    ? `algorithm ${algorithm}`
    : `key spec ${keySpec}`;
  return invalidMember('MessageType', `Message type ${messageType} is incompatible with ${fault}.`);
}

function readingOf(signable: Signable): Reading {
  const reading = algorithms[algorithmOf(signable)][messageTypeOf(signable)];
  if (reading === undefined) throw new Error('the type of the message was not checked');
  return reading;
}

/** SM2DSA is no algorithm of any key that there is. */
function algorithmOf({ SigningAlgorithm: algorithm }: Signable): SigningAlgorithm {
  if (!isSigningAlgorithm(algorithm)) throw new Error('the signing algorithm was not checked');
  return algorithm;
}

function isSigningAlgorithm(algorithm: string): algorithm is SigningAlgorithm {
  return Object.hasOwn(algorithms, algorithm);
}
