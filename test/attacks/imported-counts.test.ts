import { randomBytes } from 'node:crypto';
import { DeleteImportedKeyMaterialCommand, EncryptCommand } from '@aws-sdk/client-kms';
import { startDaemon } from '../support/daemon';
import { sdkRefusal } from '../support/kms';
import { createExternalKey, getParameters, importMaterial } from '../support/kms-imports';

test('what was encrypted with imported material stays counted when it is deleted and imported again', async () => {
  const limit = 100;
  const daemon = await startDaemon({
    environment: { CLAVIGER_MAX_ENCRYPTIONS_PER_MATERIAL: String(limit) },
  });
  try {
    const kms = daemon.client();
    const { id: KeyId, arn } = await createExternalKey(kms);
    const parameters = await getParameters(kms, KeyId);
    const material = randomBytes(32);
    const bring = () => importMaterial(kms, KeyId, { material, parameters });
    const encrypt = () => kms.send(new EncryptCommand({ KeyId, Plaintext: Buffer.of(1) }));
    const materialId = await bring();
    for (let made = 0; made < limit; made += 1) await encrypt();
    const wornOut = {
      code: 'KMSInvalidStateException',
      message: `${arn} has made as many encryptions under its current key material as one key material may make. Import new key material with ImportKeyMaterial and call RotateKeyOnDemand.`,
    };
    expect(await sdkRefusal(encrypt())).toMatchObject(wornOut);
    await kms.send(new DeleteImportedKeyMaterialCommand({ KeyId }));
    expect(await bring()).toBe(materialId);
    expect(await sdkRefusal(encrypt())).toMatchObject(wornOut);
  } finally {
    await daemon.remove();
  }
});
