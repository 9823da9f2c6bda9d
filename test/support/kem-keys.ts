import { randomBytes } from 'node:crypto';
import type { CreateKeyCommandInput } from '@aws-sdk/client-kms';
import type { TestDaemon } from './daemon';
import { type NewKey, changeAndAnnounce, createKey } from './kms';

export const kemSpecs = ['ML_KEM_512', 'ML_KEM_768', 'ML_KEM_1024'] as const;

/** A key that is called ML_KEM_768, and whose material is none: SoftHSM makes no such key. */
export async function nominalKemKey(
  daemon: TestDaemon,
  input: CreateKeyCommandInput = {},
): Promise<NewKey> {
  const key = await createKey(daemon.client(), input);
  await callKem(daemon, key.id);
  return key;
}

/** Calls a symmetric key so. It shows whatever is done before the token is asked; DryRun shows that all of it was. */
export async function callKem(daemon: TestDaemon, id: string): Promise<void> {
  const publicKey = randomBytes(1184).toString('hex');
  const material = `update key_material set public_key = '\\x${publicKey}' where key_id = $1`;
  const key = `update kms_key set key_spec = 'ML_KEM_768', key_usage = 'ENCAPSULATE_DECAPSULATE' where key_id = $1`;
  await changeAndAnnounce(daemon, { topic: 'key', id, sql: material });
  await changeAndAnnounce(daemon, { topic: 'key', id, sql: key });
}
