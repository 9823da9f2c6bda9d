import type { DataKeyPairSpec as GeneratedSpec } from '../../hsm';
import { KmsError, refusedMember } from '../errors';
import { checkEncryptionContextSize } from '../keys/encryption-context';
import type { Key } from '../keys/key';
import { requireState } from '../keys/states';
import type { TargetedCall } from '../operation';
import type { Conditions } from '../policy/policy';
import type { DataKeyPairSpec } from '../shapes/kms.generated';
import type { OperationName } from '../shapes/operations';
import { refuseDryRun } from './dry-run';
import { requireOrigin } from './rotation-rules';
import { algorithmCondition } from './targets';

interface DataKeyPairRequest {
  readonly KeyPairSpec: DataKeyPairSpec;
  readonly EncryptionContext?: Readonly<Record<string, string>>;
  readonly DryRun?: boolean;
}

interface SealedKeyPair {
  /** DER of PrivateKeyInfo (PKCS#8). The caller's to wipe. */
  readonly privateKey: Buffer;
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKey: Buffer;
  /** The private key under the KMS key. */
  readonly blob: Buffer;
  /** Of the KMS key. */
  readonly keyMaterialId: string;
}

/** The checks that need no key. */
export function checkDataKeyPairRequest(input: DataKeyPairRequest): void {
  requireServed(input.KeyPairSpec);
  checkEncryptionContextSize(input.EncryptionContext);
}

/** Condition values of the request (kms-semantics §6.8). */
export function dataKeyPairConditions({ KeyPairSpec }: DataKeyPairRequest): Conditions {
  return { ...algorithmCondition(undefined), 'kms:DataKeyPairSpec': KeyPairSpec };
}

/** Keys of custom key stores make data keys and no pairs (kms-semantics §5.1). */
export function requireSealsKeyPairs(key: Key): void {
  requireOrigin(key, ['AWS_KMS', 'EXTERNAL']);
}

/**
 * A new pair, of which nothing is kept, and its private key encrypted under the key in the token. RSA pairs take seconds: the
 * key seals as it is when the pair is there, for what was meanwhile disabled or deleted may not.
 */
export async function makeDataKeyPair(
  { services, caller }: Pick<TargetedCall<OperationName>, 'services' | 'caller'>,
  { keyId, arn }: Key,
  input: DataKeyPairRequest,
): Promise<SealedKeyPair> {
  refuseDryRun(input);
  const { KeyPairSpec: spec } = input;
  requireServed(spec);
  const { token } = services;
  const { privateKey, publicKey } = await token.generateDataKeyPair(spec, caller.accountId);
  try {
    const key = await services.finder.byId(keyId);
    if (key === undefined) throw new KmsError('NotFoundException', `Key '${arn}' does not exist`);
    requireState(key, 'cryptographic');
    const sealed = await services.keyring.encrypt(key, privateKey, input.EncryptionContext);
    return { privateKey, publicKey, ...sealed };
  } catch (thrown) {
    privateKey.fill(0);
    throw thrown;
  }
}

/** SM2 is refused by name. Whether there are pairs of ML-KEM is the token's to say. */
function requireServed(spec: DataKeyPairSpec): asserts spec is GeneratedSpec {
  if (spec !== 'SM2') return;
  throw refusedMember(
    'UnsupportedOperationException',
    'KeyPairSpec',
    'KeyPairSpec SM2 is not supported: PKCS#11 has no mechanism for it.',
  );
}
