import { aesKind, type Token, type TokenKeyId, type WrappedMaterial } from '../../hsm';

/** A resident key for Encrypt and Decrypt. */
export async function generateAes(
  token: Pick<Token, 'generateKey'>,
  id: TokenKeyId,
  label: string,
): Promise<void> {
  await token.generateKey(aesKind, { id, label });
}

export async function generateWrappedAes(
  token: Pick<Token, 'generateWrappedKey'>,
  wrappingKeyId: TokenKeyId,
): Promise<WrappedMaterial> {
  return (await token.generateWrappedKey(aesKind, wrappingKeyId)).wrapped;
}
