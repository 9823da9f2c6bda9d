import { constants, createDecipheriv, type KeyObject, privateDecrypt } from 'node:crypto';
import { ContentInfo, EnvelopedData } from '@peculiar/asn1-cms';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';

/** CiphertextForRecipient, as a client without a CMS library would open it. */
export function openEnvelope(privateKey: KeyObject, der: Uint8Array): Buffer {
  const { content } = AsnConvert.parse(der, ContentInfo);
  const { recipientInfos, encryptedContentInfo } = AsnConvert.parse(content, EnvelopedData);
  const [recipient] = Array.from(recipientInfos);
  const sealedKey = Buffer.from(recipient!.ktri!.encryptedKey.buffer);
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  const key = privateDecrypt({ key: privateKey, padding, oaepHash: 'sha256' }, sealedKey);
  const { contentEncryptionAlgorithm, encryptedContent } = encryptedContentInfo;
  const iv = AsnConvert.parse(contentEncryptionAlgorithm.parameters!, OctetString);
  const decipher = createDecipheriv('aes-256-cbc', key, Buffer.from(iv.buffer));
  const sealed = Buffer.from(encryptedContent!.value!.buffer);
  return Buffer.concat([decipher.update(sealed), decipher.final()]);
}
