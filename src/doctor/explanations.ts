/** What the doctor knows of a kind of finding, in words for the operator. */
export interface Explanation {
  readonly what: string;
  /** How it may have come about. */
  readonly why: string;
  /** What it means to users. */
  readonly means: string;
  readonly advice: string;
}

export type FindingKind =
  | 'orphan-object'
  | 'foreign-object'
  | 'duplicate-object'
  | 'missing-object'
  | 'other-token'
  | 'stranger-in-store'
  | 'unreachable-store'
  | 'current-material'
  | 'key-without-material'
  | 'key-not-enabled'
  | 'encryption-limit'
  | 'ending-external-key'
  | 'key-count'
  | 'overdue-object'
  | 'overdue-work'
  | 'failing-work';

export const explanations = {
  'orphan-object': {
    what: 'objects of the token that nothing in the database names',
    why:
      'A commit that Postgres lost (a failover to a standby that was behind, a backup that was restored), an object that a ' +
      'hanging token made long after its maker had given up, or an installation of before doomed_object.',
    means:
      'Nothing, if the database is the right one. If it is an older copy, these are keys that it has forgotten: what they ' +
      'encrypted can be read no more once they are destroyed.',
    advice:
      'Make sure that the database is the newest, and that no other installation uses this token. Then --repair enters them to ' +
      'be destroyed in seven days; until then, deleting the row of doomed_object keeps one. One that is the material of a key ' +
      'that is there (ofLivingKey) is left alone: its row in key_material was lost, and a backup of the database may have it.',
  },
  'foreign-object': {
    what: 'objects of the token that nothing in the database names, beside sealing keys that are not of this database',
    why: 'Another installation uses the same token, or the database is another than the one that this token belongs to.',
    means: 'Nothing to this installation. They may be all that another one has.',
    advice:
      'Look for the other installation, or the right database. Nothing of this is repaired: whose they are cannot be told apart.',
  },
  'duplicate-object': {
    what: 'ids that several secret keys of the token have, or several private keys',
    why: 'A token that was put together from several backups, or a tool that copied objects.',
    means: 'Every use of the key fails: which of them is meant cannot be known.',
    advice: 'Restore the token from a backup, or destroy the copies with the tools of its vendor.',
  },
  'missing-object': {
    what: 'keys that the database names and the token does not have',
    why: 'The token was restored from an older backup, is another one under the same serial number, or was changed by hand.',
    means:
      'Of a material: encrypting with it, and decrypting what it encrypted, fail with KeyUnavailableException. Of a wrapping key: ' +
      'so does every key that it wraps. Of a key of the system: access keys, sessions or grant tokens that it sealed are refused.',
    advice:
      'Restore the object from a backup of the token. Imported material can be imported again: DeleteImportedKeyMaterial, then ' +
      'ImportKeyMaterial. A wrapping key can be exported by a token that has it.',
  },
  'other-token': {
    what: 'tokens with another serial number that hold keys of this database',
    why: 'The store was moved to another token, or daemons with another token work on the same database.',
    means: 'Daemons with this token cannot use those keys: KeyUnavailableException.',
    advice:
      "If the objects were moved with it, say so: update key_material (and system_key) set token_serial = '<this one>' where " +
      "token_serial = '<the other>'. If both tokens are in use, run the doctor beside the daemons of each.",
  },
  'stranger-in-store': {
    what: 'objects of a token of a custom key store that nothing in the database names',
    why:
      'Another installation has a custom key store in the same token, or a commit that Postgres lost, as of objects of the ' +
      'main token.',
    means:
      'Nothing, if the database is the newest. They may be what another installation, or a newer database, encrypts with.',
    advice:
      'Whose they are cannot be told apart, so nothing of this is repaired: destroy what is certain to be nobody’s with the tools of ' +
      'the vendor.',
  },
  'unreachable-store': {
    what: 'custom key stores that are connected, and whose token could not be looked at',
    why: 'The token is away, its password was changed, or CLAVIGER_KEY_STORES_FILE has no such cluster on this machine.',
    means:
      'Their keys fail with KMSInvalidStateException for as long as the daemons cannot reach the token either.',
    advice:
      'Mend what keeps the token from being reached. Where that takes a while, DisconnectCustomKeyStore says so to everybody: its keys are ' +
      'Unavailable until ConnectCustomKeyStore.',
  },
  'current-material': {
    what: 'keys whose current material is not the one that is marked as current',
    why: 'A fault of Claviger, or rows that were changed by hand.',
    means: 'Encrypting may use a material that ListKeyRotations calls another; nothing is lost.',
    advice: 'Keep the rows of kms_key and key_material as they are, and report it.',
  },
  'key-without-material': {
    what: 'keys that are Enabled or Disabled, and miss material',
    why: 'A fault of Claviger, or rows that were changed by hand.',
    means: 'Encrypting, or decrypting what the missing material encrypted, fails.',
    advice:
      'Of origin EXTERNAL: import the material again, the key is then as it says. Of origin AWS_KMS: restore the rows of ' +
      'key_material from a backup of the database.',
  },
  'key-not-enabled': {
    what: 'keys that wait for an import (PendingImport) and have all their material',
    why: 'A fault of Claviger, or rows that were changed by hand.',
    means: 'They refuse to work with KMSInvalidStateException.',
    advice: 'Import any of their materials again: that enables the key.',
  },
  'encryption-limit': {
    what: 'materials that have made nearly all the encryptions that they may make',
    why: 'Keys get new material by themselves at half of them: this one is imported, or disabled, or no daemon could rotate it.',
    means:
      'At the limit (2^32, NIST SP 800-38D §8.3, or what is configured) the key refuses to encrypt. What it encrypted can always be decrypted.',
    advice:
      'RotateKeyOnDemand; of an imported key, import new material with ImportType NEW_KEY_MATERIAL first. A key of a custom key ' +
      'store cannot rotate: make another one, and encrypt anew with ReEncrypt.',
  },
  'ending-external-key': {
    what: 'external keys of AWS KMS whose KMS key is pending deletion, or gone',
    why: 'ScheduleKeyDeletion of a KMS key that `claviger xks key create` made, or `link` took.',
    means:
      'AWS KMS cannot use them. When the KMS key is gone, everything that was ever encrypted under it in AWS is lost, for everybody ' +
      'and for ever.',
    advice:
      'CancelKeyDeletion and EnableKey, unless that is wanted. Where it is, or it is too late, `claviger xks key delete`.',
  },
  'key-count': {
    what: 'accounts whose number of keys is noted wrongly',
    why: 'Rows that were changed by hand, or a fault of Claviger.',
    means: 'CreateKey is refused too early, or too late, at the limit of keys.',
    advice: '--repair counts them anew.',
  },
  'overdue-object': {
    what: 'objects of a token that were to be destroyed more than an hour ago',
    why: 'No daemon with that token runs, the custom key store is not connected, or the token refuses to destroy them.',
    means: 'Nothing, but that material which was deleted is still in the token.',
    advice:
      '--repair destroys those of this token, and of custom key stores that are connected, now. Start a daemon for those of ' +
      'another, and connect the custom key store; where a token is gone for good, delete the rows of doomed_object.',
  },
  'overdue-work': {
    what: 'timed work that should have been done more than an hour ago',
    why: 'No daemon runs, or the work fails: see the log and job_attempt.',
    means: 'Keys are deleted, rotated, or lose expired material, later than announced.',
    advice: 'Start a daemon; if one runs, look in its log for `timed work failed`.',
  },
  'failing-work': {
    what: 'timed work that fails again and again',
    why: 'The token is away, refuses, or is not the one that has the key.',
    means: 'It is not done until it succeeds; it is tried at least every hour and a quarter.',
    advice: 'The reason is in the log of the daemons: `timed work failed and will be tried again`.',
  },
} as const satisfies Record<FindingKind, Explanation>;
