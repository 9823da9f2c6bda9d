import * as sdk from '@aws-sdk/client-kms';
import { defaultKeyPolicy } from '../../src/policy/compile';
import type { KmsOperationName } from '../../src/shapes/kms.generated';
import type { Cells } from './key-states';
import { newPublicKey } from './public-keys';
import { place } from './sample-keys';
import type { KeyKind, Subject } from './state-stage';
import { onTrial } from './usage-keys';

/** An operation in a line of kms-semantics §1.3. */
export interface TableRow {
  readonly operation: KmsOperationName;
  /** What the key is to the operation, where it has several parts in it. */
  readonly as?: string;
  readonly cells: Cells;
  /** What the operation is for, where that is not a symmetric key. */
  readonly kind?: KeyKind;
  readonly send: (kms: sdk.KMSClient, key: Subject) => Promise<unknown>;
  /** Where it is not refused the key is in another state, or has lost its material. */
  readonly changes?: true;
}

const cryptographic = '| ok | 1 | 3 | 5 | 11 | 14 | ok |';
const asymmetric = '| ok | 1 | 3 | 5 | n/a | 14 | ok |';
const enablement = '| ok | ok | 3 | 5 | ok | 14 | 15 |';
const automaticRotation = '| ok/7 | 1 or 7 | 3 or 7 | 6 | 7 | 14 | ok/7 |';
const notPendingDeletion = '| ok | ok | 3 | ok | ok | ok | ok |';
const any = '| ok | ok | ok | ok | ok | ok | ok |';

const Message = Buffer.from('a message');
const dataKeyPair = { KeyPairSpec: 'ECC_NIST_P256' } as const;
const wrapping = {
  WrappingAlgorithm: 'RSAES_OAEP_SHA_256',
  WrappingKeySpec: 'RSA_2048',
} as const;
const cryptography: readonly TableRow[] = [
  {
    operation: 'Encrypt',
    cells: cryptographic,
    send: (kms, { id: KeyId }) => kms.send(new sdk.EncryptCommand({ KeyId, Plaintext: Message })),
  },
  {
    operation: 'Decrypt',
    cells: cryptographic,
    send: (kms, { made: CiphertextBlob }) => kms.send(new sdk.DecryptCommand({ CiphertextBlob })),
  },
  {
    operation: 'ReEncrypt',
    as: 'source',
    cells: cryptographic,
    send: (kms, { made: CiphertextBlob, spare }) =>
      kms.send(new sdk.ReEncryptCommand({ CiphertextBlob, DestinationKeyId: spare.id })),
  },
  {
    operation: 'ReEncrypt',
    as: 'destination',
    cells: cryptographic,
    send: (kms, { id: DestinationKeyId, spare: { made: CiphertextBlob } }) =>
      kms.send(new sdk.ReEncryptCommand({ CiphertextBlob, DestinationKeyId })),
  },
  {
    operation: 'GenerateDataKey',
    cells: cryptographic,
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256' })),
  },
  {
    operation: 'GenerateDataKeyWithoutPlaintext',
    cells: cryptographic,
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.GenerateDataKeyWithoutPlaintextCommand({ KeyId, KeySpec: 'AES_256' })),
  },
  {
    operation: 'GenerateDataKeyPair',
    cells: cryptographic,
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.GenerateDataKeyPairCommand({ KeyId, ...dataKeyPair })),
  },
  {
    operation: 'GenerateDataKeyPairWithoutPlaintext',
    cells: cryptographic,
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.GenerateDataKeyPairWithoutPlaintextCommand({ KeyId, ...dataKeyPair })),
  },
  {
    operation: 'Sign',
    cells: asymmetric,
    kind: 'signing',
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.SignCommand({ KeyId, Message, SigningAlgorithm: 'ECDSA_SHA_256' })),
  },
  {
    operation: 'Verify',
    cells: asymmetric,
    kind: 'signing',
    send: (kms, { id: KeyId, made: Signature }) =>
      kms.send(
        new sdk.VerifyCommand({ KeyId, Message, Signature, SigningAlgorithm: 'ECDSA_SHA_256' }),
      ),
  },
  {
    operation: 'GenerateMac',
    cells: asymmetric,
    kind: 'mac',
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.GenerateMacCommand({ KeyId, Message, MacAlgorithm: 'HMAC_SHA_256' })),
  },
  {
    operation: 'VerifyMac',
    cells: asymmetric,
    kind: 'mac',
    send: (kms, { id: KeyId, made: Mac }) =>
      kms.send(new sdk.VerifyMacCommand({ KeyId, Message, Mac, MacAlgorithm: 'HMAC_SHA_256' })),
  },
  {
    operation: 'DeriveSharedSecret',
    cells: asymmetric,
    kind: 'agreement',
    send: (kms, { id: KeyId }) =>
      kms.send(
        new sdk.DeriveSharedSecretCommand({
          ...{ KeyId, KeyAgreementAlgorithm: 'ECDH', PublicKey: newPublicKey('P-256') },
        }),
      ),
  },
  {
    operation: 'Encapsulate',
    cells: asymmetric,
    kind: 'encapsulation',
    send: (kms, { id: KeyId }) =>
      onTrial(
        kms.send(
          new sdk.EncapsulateCommand({ KeyId, EncapsulationAlgorithm: 'ML_KEM', DryRun: true }),
        ),
      ),
  },
  {
    operation: 'Decapsulate',
    cells: asymmetric,
    kind: 'encapsulation',
    send: (kms, { id: KeyId }) =>
      onTrial(
        kms.send(
          new sdk.DecapsulateCommand({
            ...{ KeyId, EncapsulationAlgorithm: 'ML_KEM', DryRun: true },
            SharedSecretCiphertextBlob: Buffer.alloc(1088),
          }),
        ),
      ),
  },
  {
    operation: 'GetPublicKey',
    cells: asymmetric,
    kind: 'signing',
    send: (kms, { id: KeyId }) => kms.send(new sdk.GetPublicKeyCommand({ KeyId })),
  },
];

const lifeOfAKey: readonly TableRow[] = [
  {
    operation: 'CancelKeyDeletion',
    cells: '| 4 | 4 | ok | 4 | 4 | 4 | 4 |',
    send: (kms, { id: KeyId }) => kms.send(new sdk.CancelKeyDeletionCommand({ KeyId })),
    changes: true,
  },
  {
    operation: 'ScheduleKeyDeletion',
    cells: '| ok | ok | 3 | ok | ok | ok | 15 |',
    send: (kms, { id: KeyId }) => kms.send(new sdk.ScheduleKeyDeletionCommand({ KeyId })),
    changes: true,
  },
  {
    operation: 'EnableKey',
    cells: enablement,
    send: (kms, { id: KeyId }) => kms.send(new sdk.EnableKeyCommand({ KeyId })),
    changes: true,
  },
  {
    operation: 'DisableKey',
    cells: enablement,
    send: (kms, { id: KeyId }) => kms.send(new sdk.DisableKeyCommand({ KeyId })),
    changes: true,
  },
  {
    operation: 'EnableKeyRotation',
    cells: automaticRotation,
    send: (kms, { id: KeyId }) => kms.send(new sdk.EnableKeyRotationCommand({ KeyId })),
  },
  {
    operation: 'DisableKeyRotation',
    cells: automaticRotation,
    send: (kms, { id: KeyId }) => kms.send(new sdk.DisableKeyRotationCommand({ KeyId })),
  },
  {
    operation: 'GetKeyRotationStatus',
    cells: '| ok/7 | ok/7 | ok/7 | 6 | 7 | ok/7 | ok/7 |',
    send: (kms, { id: KeyId }) => kms.send(new sdk.GetKeyRotationStatusCommand({ KeyId })),
  },
  {
    operation: 'RotateKeyOnDemand',
    cells: '| ok | 1 | 3 | 5 | 7 | 14 | 15 |',
    send: (kms, { id: KeyId }) => kms.send(new sdk.RotateKeyOnDemandCommand({ KeyId })),
  },
  {
    operation: 'ListKeyRotations',
    cells: '| ok | ok | ok | ok | 7 | ok | ok |',
    send: (kms, { id: KeyId }) => kms.send(new sdk.ListKeyRotationsCommand({ KeyId })),
  },
  {
    operation: 'GetKeyLastUsage',
    cells: any,
    send: (kms, { id: KeyId }) => kms.send(new sdk.GetKeyLastUsageCommand({ KeyId })),
  },
  {
    operation: 'GetParametersForImport',
    cells: '| ok/9 | ok/9 | 8/9 | ok | 9 | 14 | 15 |',
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.GetParametersForImportCommand({ KeyId, ...wrapping })),
  },
  {
    operation: 'ImportKeyMaterial',
    // In the last column stands ok, as though a key of another origin could be one that is updated.
    cells: '| ok/9 | ok/9 | 8/9 | ok | 9 | 14 | ok/9 |',
    send: (kms, { id: KeyId, wrapped }) =>
      kms.send(
        new sdk.ImportKeyMaterialCommand({
          ...{ KeyId, ...wrapped, ExpirationModel: 'KEY_MATERIAL_DOES_NOT_EXPIRE' },
        }),
      ),
    changes: true,
  },
  {
    operation: 'DeleteImportedKeyMaterial',
    cells: '| ok/9 | ok/9 | ok/9 | ok | n/a | 14 | 15 |',
    send: (kms, { id: KeyId }) => kms.send(new sdk.DeleteImportedKeyMaterialCommand({ KeyId })),
    changes: true,
  },
  {
    operation: 'ReplicateKey',
    cells: '| ok | 1 | 3 | 5 | n/a | 14 | 15 |',
    kind: 'multi-region',
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.ReplicateKeyCommand({ KeyId, ReplicaRegion: 'eu-west-1' })),
  },
  {
    operation: 'UpdatePrimaryRegion',
    cells: '| ok | 1 | 3 | 5 | n/a | 14 | ok |',
    kind: 'multi-region',
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.UpdatePrimaryRegionCommand({ KeyId, PrimaryRegion: 'eu-west-1' })),
  },
];

const aboutAKey: readonly TableRow[] = [
  {
    operation: 'CreateGrant',
    cells: '| ok | 1 | 3 | 5 | ok | 14 | ok |',
    send: (kms, { id: KeyId, accountRoot: GranteePrincipal }) =>
      kms.send(new sdk.CreateGrantCommand({ KeyId, GranteePrincipal, Operations: ['Encrypt'] })),
  },
  {
    operation: 'RetireGrant',
    cells: any,
    send: (kms, { arn: KeyId, grants: [GrantId] }) =>
      kms.send(new sdk.RetireGrantCommand({ KeyId, GrantId })),
  },
  {
    operation: 'RevokeGrant',
    cells: any,
    send: (kms, { id: KeyId, grants: [, GrantId] }) =>
      kms.send(new sdk.RevokeGrantCommand({ KeyId, GrantId })),
  },
  {
    operation: 'ListGrants',
    cells: any,
    send: (kms, { id: KeyId }) => kms.send(new sdk.ListGrantsCommand({ KeyId })),
  },
  {
    operation: 'CreateAlias',
    cells: notPendingDeletion,
    send: (kms, { id }) =>
      kms.send(new sdk.CreateAliasCommand({ AliasName: `alias/new-${id}`, TargetKeyId: id })),
  },
  {
    operation: 'UpdateAlias',
    as: 'source',
    cells: any,
    send: (kms, { aliases: { moving: AliasName }, spare: { id: TargetKeyId } }) =>
      kms.send(new sdk.UpdateAliasCommand({ AliasName, TargetKeyId })),
  },
  {
    operation: 'UpdateAlias',
    as: 'destination',
    cells: '| ok | ok | 10 | ok | ok | ok | ok |',
    send: (kms, { aliases: { elsewhere: AliasName }, id: TargetKeyId }) =>
      kms.send(new sdk.UpdateAliasCommand({ AliasName, TargetKeyId })),
  },
  {
    operation: 'DeleteAlias',
    cells: any,
    send: (kms, { aliases: { ending: AliasName } }) =>
      kms.send(new sdk.DeleteAliasCommand({ AliasName })),
  },
  {
    operation: 'ListAliases',
    cells: any,
    send: (kms, { id: KeyId }) => kms.send(new sdk.ListAliasesCommand({ KeyId })),
  },
  {
    operation: 'TagResource',
    cells: notPendingDeletion,
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.TagResourceCommand({ KeyId, Tags: [{ TagKey: 'k', TagValue: 'v' }] })),
  },
  {
    operation: 'UntagResource',
    cells: notPendingDeletion,
    send: (kms, { id: KeyId }) => kms.send(new sdk.UntagResourceCommand({ KeyId, TagKeys: ['k'] })),
  },
  {
    operation: 'ListResourceTags',
    cells: any,
    send: (kms, { id: KeyId }) => kms.send(new sdk.ListResourceTagsCommand({ KeyId })),
  },
  {
    operation: 'UpdateKeyDescription',
    cells: notPendingDeletion,
    send: (kms, { id: KeyId }) =>
      kms.send(new sdk.UpdateKeyDescriptionCommand({ KeyId, Description: 'new' })),
  },
  {
    operation: 'DescribeKey',
    cells: any,
    send: (kms, { id: KeyId }) => kms.send(new sdk.DescribeKeyCommand({ KeyId })),
  },
  {
    operation: 'GetKeyPolicy',
    cells: any,
    send: (kms, { id: KeyId }) => kms.send(new sdk.GetKeyPolicyCommand({ KeyId })),
  },
  {
    operation: 'PutKeyPolicy',
    cells: any,
    send: (kms, { id: KeyId, accountId }) =>
      kms.send(new sdk.PutKeyPolicyCommand({ KeyId, Policy: defaultKeyPolicy(place, accountId) })),
  },
  {
    operation: 'ListKeyPolicies',
    cells: any,
    send: (kms, { id: KeyId }) => kms.send(new sdk.ListKeyPoliciesCommand({ KeyId })),
  },
];

/** The whole table. What makes a key lose its material comes after what needs it. */
export const stateTable: readonly TableRow[] = [...cryptography, ...aboutAKey, ...lifeOfAKey];
