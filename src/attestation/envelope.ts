import { constants, createCipheriv, createHash, type KeyObject, publicEncrypt } from 'node:crypto';
import {
  CMSVersion,
  ContentEncryptionAlgorithmIdentifier,
  ContentInfo,
  EncryptedContent,
  EncryptedContentInfo,
  EnvelopedData,
  KeyEncryptionAlgorithmIdentifier,
  KeyTransRecipientInfo,
  RecipientIdentifier,
  RecipientInfo,
  RecipientInfos,
  id_data,
  id_envelopedData,
} from '@peculiar/asn1-cms';
import { RsaEsOaepParams, id_RSAES_OAEP, id_mgf1, sha256 } from '@peculiar/asn1-rsa';
import { AsnConvert, OctetString } from '@peculiar/asn1-schema';
import { AlgorithmIdentifier, SubjectKeyIdentifier } from '@peculiar/asn1-x509';

/** Of AES-256-CBC: 32 bytes of key, 16 of IV. */
export const envelopeRandomBytes = 48;

const aes256Cbc = '2.16.840.1.101.3.4.1.42';

/** RSAES-OAEP with SHA-256, and MGF1 with SHA-256, as KMS writes them (RFC 4055 §4.1). */
const oaepSha256 = AsnConvert.serialize(
  new RsaEsOaepParams({
    hashAlgorithm: sha256,
    maskGenAlgorithm: new AlgorithmIdentifier({
      algorithm: id_mgf1,
      parameters: AsnConvert.serialize(sha256),
    }),
  }),
);

/**
 * CMS EnvelopedData in DER (RFC 5652 §6) that the holder of the RSA key alone can open: CiphertextForRecipient. Like KMS's
 * own it names the key by a subjectKeyIdentifier, which makes both versions 2; aws-nitro-enclaves-sdk-c takes no other.
 * `random` is used up and wiped.
 */
export function sealInEnvelope(recipient: KeyObject, plaintext: Buffer, random: Buffer): Buffer {
  const [key, iv] = [random.subarray(0, 32), random.subarray(32, envelopeRandomBytes)];
  try {
    const cipher = createCipheriv('aes-256-cbc', key, iv);
    const content = Buffer.concat([cipher.update(plaintext), cipher.final()]);
    const sealedKey = sealToKey(recipient, key);
    return Buffer.from(
      AsnConvert.serialize(
        new ContentInfo({
          contentType: id_envelopedData,
          content: AsnConvert.serialize(
            new EnvelopedData({
              version: CMSVersion.v2,
              recipientInfos: new RecipientInfos([
                new RecipientInfo({ ktri: recipientInfo(recipient, sealedKey) }),
              ]),
              encryptedContentInfo: contentInfo(iv, content),
            }),
          ),
        }),
      ),
    );
  } finally {
    random.fill(0);
  }
}

/** RSAES_OAEP_SHA_256. */
export function sealToKey(recipient: KeyObject, plaintext: Buffer): Buffer {
  const padding = constants.RSA_PKCS1_OAEP_PADDING;
  return publicEncrypt({ key: recipient, padding, oaepHash: 'sha256' }, plaintext);
}

function recipientInfo(recipient: KeyObject, sealedKey: Buffer): KeyTransRecipientInfo {
  return new KeyTransRecipientInfo({
    version: CMSVersion.v2,
    rid: new RecipientIdentifier({
      subjectKeyIdentifier: new SubjectKeyIdentifier(keyId(recipient)),
    }),
    keyEncryptionAlgorithm: new KeyEncryptionAlgorithmIdentifier({
      algorithm: id_RSAES_OAEP,
      parameters: oaepSha256,
    }),
    encryptedKey: new OctetString(sealedKey),
  });
}

/** RFC 7093 §2, method 4: as long as KMS's. */
function keyId(recipient: KeyObject): Buffer {
  const spki = recipient.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(spki).digest();
}

function contentInfo(iv: Buffer, content: Buffer): EncryptedContentInfo {
  return new EncryptedContentInfo({
    contentType: id_data,
    contentEncryptionAlgorithm: new ContentEncryptionAlgorithmIdentifier({
      algorithm: aes256Cbc,
      parameters: AsnConvert.serialize(new OctetString(iv)),
    }),
    encryptedContent: new EncryptedContent({ value: new OctetString(content) }),
  });
}
