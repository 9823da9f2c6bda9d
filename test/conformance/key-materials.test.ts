import type { ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import {
  DecryptCommand,
  DescribeKeyCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyWithoutPlaintextCommand,
  type KMSClient,
  ReEncryptCommand,
  RotateKeyOnDemandCommand,
} from '@aws-sdk/client-kms';
import { type TestDaemon, serve, startDaemon } from '../support/daemon';
import { disagreements } from '../support/doctor';
import { type NewKey, auditOf, createKey, sdkRefusal } from '../support/kms';
import { allRotations } from '../support/rotation';

/** Ciphertexts made with one material of a key, by each operation that makes some. */
interface Sealed {
  readonly materialId: string;
  readonly plaintext: Buffer;
  readonly blobs: readonly Uint8Array[];
}

const EncryptionContext = { at: 'rest' };

describe('A key that rotated three times', () => {
  let daemon: TestDaemon;
  let restarted: { child: ChildProcess; endpoint: string };
  let key: NewKey;
  let other: NewKey;
  const sealed: Sealed[] = [];
  const restartedClient = (): KMSClient => daemon.client({ endpoint: restarted.endpoint });

  beforeAll(async () => {
    daemon = await startDaemon({ workers: 2 });
    const kms = daemon.client();
    key = await createKey(kms);
    other = await createKey(kms);
    sealed.push(await seal(kms, 0));
    for (let i = 1; i <= 3; i++) {
      await kms.send(new RotateKeyOnDemandCommand({ KeyId: key.id }));
      sealed.push(await seal(kms, i));
    }
  });
  afterAll(async () => {
    restarted.child.kill('SIGTERM');
    await once(restarted.child, 'exit');
    await daemon.remove();
  });

  /** With whatever material is current; each of the operations that say so says which it was. */
  async function seal(kms: KMSClient, number: number): Promise<Sealed> {
    const plaintext = Buffer.from(`plaintext ${number}`);
    const { KeyMetadata } = await kms.send(new DescribeKeyCommand({ KeyId: key.id }));
    const materialId = KeyMetadata?.CurrentKeyMaterialId ?? '';
    const input = { KeyId: key.id, EncryptionContext };
    const encrypted = await kms.send(new EncryptCommand({ ...input, Plaintext: plaintext }));
    const dataKey = { ...input, KeySpec: 'AES_256' as const };
    const withPlaintext = await kms.send(new GenerateDataKeyCommand(dataKey));
    const without = await kms.send(new GenerateDataKeyWithoutPlaintextCommand(dataKey));
    const moved = await kms.send(
      new ReEncryptCommand({
        ...{ CiphertextBlob: encrypted.CiphertextBlob, SourceEncryptionContext: EncryptionContext },
        ...{ DestinationKeyId: key.id, DestinationEncryptionContext: EncryptionContext },
      }),
    );
    expect(moved).toMatchObject({
      SourceKeyMaterialId: materialId,
      DestinationKeyMaterialId: materialId,
    });
    expect([withPlaintext.KeyMaterialId, without.KeyMaterialId]).toEqual([materialId, materialId]);
    for (const { $metadata } of [encrypted, withPlaintext, without]) {
      expect(await auditOf(daemon, $metadata.requestId!)).toMatchObject({
        additionalEventData: { keyMaterialId: materialId },
      });
    }
    const blobs = [encrypted, withPlaintext, without, moved].map(
      ({ CiphertextBlob }) => CiphertextBlob!,
    );
    return { materialId, plaintext, blobs };
  }

  /** Every ciphertext opens with its own material, and moves to the current one, on clients of every worker. */
  async function expectAllOpen(client: () => KMSClient): Promise<void> {
    const current = sealed.at(-1)?.materialId;
    for (const { materialId, plaintext, blobs } of sealed) {
      for (const [i, CiphertextBlob] of blobs.entries()) {
        for (const KeyId of [undefined, key.id]) {
          const input = { CiphertextBlob, KeyId, EncryptionContext };
          const opened = await client().send(new DecryptCommand(input));
          expect(opened).toMatchObject({ KeyId: key.arn, KeyMaterialId: materialId });
          if (i === 0) expect(Buffer.from(opened.Plaintext ?? [])).toEqual(plaintext);
          expect(await auditOf(daemon, opened.$metadata.requestId!)).toMatchObject({
            additionalEventData: { keyMaterialId: materialId },
          });
        }
        const source = { CiphertextBlob, SourceEncryptionContext: EncryptionContext };
        const moved = await client().send(
          new ReEncryptCommand({ ...source, DestinationKeyId: key.id }),
        );
        expect(moved).toMatchObject({
          ...{ SourceKeyMaterialId: materialId, DestinationKeyMaterialId: current },
        });
        const away = await client().send(
          new ReEncryptCommand({ ...source, DestinationKeyId: other.id }),
        );
        const back = await client().send(
          new ReEncryptCommand({ CiphertextBlob: away.CiphertextBlob, DestinationKeyId: key.id }),
        );
        expect([away.SourceKeyMaterialId, back.DestinationKeyMaterialId]).toEqual([
          ...[materialId, current],
        ]);
        expect(back.SourceKeyMaterialId).toBe(away.DestinationKeyMaterialId);
        expect(await auditOf(daemon, back.$metadata.requestId!)).toMatchObject({
          additionalEventData: {
            sourceKeyMaterialId: back.SourceKeyMaterialId,
            destinationKeyMaterialId: current,
          },
        });
      }
    }
  }

  test('has four materials, of which the last encrypts', async () => {
    const ids = sealed.map(({ materialId }) => materialId);
    expect(new Set(ids).size).toBe(4);
    const rotations = await allRotations(daemon.client(), key.id);
    expect(rotations.map(({ KeyMaterialId }) => KeyMaterialId)).toEqual(ids);
    expect(rotations.map(({ KeyMaterialState }) => KeyMaterialState)).toEqual([
      ...['NON_CURRENT', 'NON_CURRENT', 'NON_CURRENT', 'CURRENT'],
    ]);
  });

  test('opens what each of them sealed, on every worker, and says which it was', async () => {
    await expectAllOpen(() => daemon.client());
  });

  test('does so after the daemon was started anew', async () => {
    await daemon.stop();
    restarted = await serve(daemon.environment);
    await expectAllOpen(restartedClient);
    expect(await disagreements(daemon)).toEqual([]);
  });

  test('opens nothing with a material that did not seal it', async () => {
    const [first, second] = sealed;
    const changed = Buffer.from(first?.blobs[0] ?? []);
    const id = Buffer.from(first?.materialId ?? '', 'hex');
    const at = changed.indexOf(id);
    expect(at).toBeGreaterThan(0);
    for (const named of [second?.materialId ?? '', 'f'.repeat(64)]) {
      changed.write(named, at, 'hex');
      const opening = new DecryptCommand({ CiphertextBlob: changed, EncryptionContext });
      expect(await sdkRefusal(restartedClient().send(opening))).toEqual({
        ...{ code: 'InvalidCiphertextException', message: '', status: 400 },
      });
    }
  });
});
