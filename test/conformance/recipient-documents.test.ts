import { DecryptCommand } from '@aws-sdk/client-kms';
import { enclaveId, nitroTpmId, ofNitroTpm, pcrHex } from '../support/attestation';
import type { TestDaemon } from '../support/daemon';
import { auditTexts, sdkRefusal } from '../support/kms';
import { newUser } from '../support/principals';
import {
  type RecipientStage,
  type TestRecipient,
  encryptionContext,
  makeRecipient,
  openRecipientStage,
  recipientOperations,
} from '../support/recipients';
import { until } from '../support/until';
import { badRequest, refused } from '../support/wire';

let stage: RecipientStage;
let daemon: TestDaemon;
let recipient: TestRecipient;
beforeAll(async () => {
  stage = await openRecipientStage();
  ({ daemon, recipient } = stage);
});
afterAll(() => stage.close());

const invalid = badRequest('ValidationException', 'The attestation document is not valid.');

describe.each(recipientOperations)('%s', (operation) => {
  const ask = (more: object) =>
    refused(daemon, operation, { ...stage.requests[operation], ...more });

  test('refuses every document that is not good in the same words', async () => {
    const now = Date.now();
    const { document: good, attester } = { ...recipient, document: recipient.document() };
    const stranger = await makeRecipient();
    const documents = [
      Buffer.from('a'),
      good.subarray(1),
      Buffer.concat([good, Buffer.of(0)]),
      stranger.document(),
      recipient.document({ timestamp: now - 400_000 }),
      recipient.document({ timestamp: now + 400_000 }),
      recipient.document({ public_key: undefined }),
      recipient.document({
        public_key: attester.module.publicKey.export({ type: 'spki', format: 'der' }),
      }),
      recipient.document({ cabundle: [] }),
      Buffer.alloc(262_144, 0x81),
    ];
    await stranger.remove();
    for (const bytes of documents) {
      const Recipient = { ...recipient.json(), AttestationDocument: bytes.toString('base64') };
      expect(await ask({ Recipient })).toEqual(invalid);
    }
  });

  test('wants both members, the one algorithm, and no more bytes than there may be', async () => {
    const { AttestationDocument, KeyEncryptionAlgorithm } = recipient.json();
    const missing = (member: string) =>
      badRequest(
        'ValidationException',
        `1 validation error detected: Value null at 'recipient.${member}' failed to satisfy constraint: Member must not be null`,
      );
    expect(await ask({ Recipient: {} })).toEqual(missing('attestationDocument'));
    expect(await ask({ Recipient: { KeyEncryptionAlgorithm } })).toEqual(
      missing('attestationDocument'),
    );
    expect(await ask({ Recipient: { AttestationDocument } })).toEqual(
      missing('keyEncryptionAlgorithm'),
    );
    expect(
      await ask({ Recipient: { AttestationDocument, KeyEncryptionAlgorithm: 'RSAES_OAEP_SHA_1' } }),
    ).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value 'RSAES_OAEP_SHA_1' at 'recipient.keyEncryptionAlgorithm' failed to satisfy constraint: Member must satisfy enum value set: [RSAES_OAEP_SHA_256]",
      ),
    );
    const long = Buffer.alloc(262_145).toString('base64');
    expect(await ask({ Recipient: { AttestationDocument: long, KeyEncryptionAlgorithm } })).toEqual(
      badRequest(
        'ValidationException',
        "1 validation error detected: Value at 'recipient.attestationDocument' failed to satisfy constraint: Member must have length less than or equal to 262144",
      ),
    );
  });

  test('says who the recipient was, and nothing that it was sent or answered', async () => {
    const Recipient = recipient.json();
    const answer = await refused(daemon, operation, { ...stage.requests[operation], Recipient });
    expect(answer).toMatchObject({ status: 200 });
    const text = (await auditTexts(daemon)).at(-1)!;
    const { additionalEventData, eventName } = JSON.parse(text) as Record<string, object>;
    expect(eventName).toBe(operation);
    const enclave = {
      attestationDocumentModuleId: enclaveId,
      attestationDocumentEnclaveImageDigest: pcrHex(0),
      ...Object.fromEntries(
        [1, 2, 3, 4, 8].map((n) => [`attestationDocumentEnclavePCR${n}`, pcrHex(n)]),
      ),
    };
    const keyMaterialId = expect.stringMatching(/^[0-9a-f]{64}$/) as string;
    const ofSymmetricKeys = /^Decrypt|DataKey/.test(operation);
    expect(additionalEventData).toEqual({
      ...(ofSymmetricKeys && { keyMaterialId }),
      recipient: enclave,
    });
    const everything = [...(await auditTexts(daemon)), JSON.stringify(daemon.log)].join('\n');
    const secrets = [Recipient['AttestationDocument'], answer['CiphertextForRecipient']];
    for (const secret of secrets) expect(everything).not.toContain(String(secret).slice(0, 100));
  });
});

describe('A recipient', () => {
  test('is looked at after the request and before its key', async () => {
    const AttestationDocument = 'YQ==';
    const Recipient = { ...recipient.json(), AttestationDocument };
    expect(await refused(daemon, 'GenerateDataKey', { KeyId: stage.key.id, Recipient })).toEqual(
      badRequest('ValidationException', 'Please specify either number of bytes or key spec.'),
    );
    const spec = { KeyId: 'alias/nobody', KeySpec: 'AES_256', Recipient };
    expect(await refused(daemon, 'GenerateDataKey', spec)).toEqual(invalid);
  });

  test('of a request that nobody signed is not looked at', async () => {
    const stranger = { accessKeyId: 'AKIAIOSFODNN7EXAMPLE', secretAccessKey: 'none' };
    const Recipient = { ...recipient.json(), AttestationDocument: 'YQ==' };
    const before = daemon.log.length;
    expect(
      await refused(
        daemon,
        'GenerateRandom',
        { NumberOfBytes: 1, Recipient },
        { credentials: stranger },
      ),
    ).toMatchObject({ __type: 'UnrecognizedClientException' });
    expect(
      daemon.log.slice(before).filter(({ message }) => String(message).includes('attestation')),
    ).toEqual([]);
  });

  test('of what is not allowed is in the record of the denial', async () => {
    const mallory = await newUser(daemon, 'mallory');
    const sending = mallory.kms.send(
      new DecryptCommand({
        ...{ CiphertextBlob: stage.sealed, EncryptionContext: encryptionContext },
        Recipient: recipient.info(ofNitroTpm),
      }),
    );
    expect(await sdkRefusal(sending)).toMatchObject({ code: 'AccessDeniedException' });
    expect(JSON.parse((await auditTexts(daemon)).at(-1)!)).toMatchObject({
      errorCode: 'AccessDenied',
      additionalEventData: {
        recipient: {
          attestationDocumentModuleId: nitroTpmId,
          attestationDocumentNitroTPMPCR4: pcrHex(4),
          attestationDocumentNitroTPMPCR7: pcrHex(7),
        },
      },
    });
  });

  test('why its document was refused is in the log', async () => {
    const Recipient = recipient.json({ digest: 'SHA256' });
    const input = { NumberOfBytes: 1, Recipient };
    expect(await refused(daemon, 'GenerateRandom', input)).toEqual(invalid);
    // The line is on its way when the answer is.
    await until('the reason is logged', () =>
      daemon.log.some(
        ({ message, reason }) =>
          message === 'an attestation document was not accepted' &&
          reason === 'AttestationFault: digest is not SHA384',
      ),
    );
  });

  test.each(recipientOperations.filter((name) => name !== 'GenerateRandom'))(
    'is looked at when %s runs dry, and gets nothing',
    async (operation) => {
      const input = { ...stage.requests[operation], DryRun: true };
      const { AttestationDocument } = recipient.json({ digest: 'SHA256' });
      const bad = { ...recipient.json(), AttestationDocument };
      expect(await refused(daemon, operation, { ...input, Recipient: bad })).toEqual(invalid);
      expect(await refused(daemon, operation, { ...input, Recipient: recipient.json() })).toEqual(
        badRequest(
          'DryRunOperationException',
          'The request would have succeeded, but the DryRun option is set.',
        ),
      );
    },
  );
});
