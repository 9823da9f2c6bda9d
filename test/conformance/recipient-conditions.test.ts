import {
  DecryptCommand,
  DeriveSharedSecretCommand,
  GenerateDataKeyCommand,
  GenerateDataKeyPairCommand,
  GenerateRandomCommand,
  type KMSClient,
  type RecipientInfo,
} from '@aws-sdk/client-kms';
import { type Different, ofNitroTpm, pcrHex } from '../support/attestation';
import {
  type Condition,
  type ConditionRow,
  type ConditionStage,
  conditionVerdicts,
  encryptionContext,
  openConditionStage,
} from '../support/condition-stage';
import { createKey } from '../support/kms';
import { newPublicKey } from '../support/public-keys';
import {
  type RecipientOperation,
  type TestRecipient,
  makeRecipient,
  recipientOperations,
} from '../support/recipients';

jest.setTimeout(60_000);

let recipient: TestRecipient;
let stage: ConditionStage;
/** Its key agrees on secrets. */
let agreement: ConditionStage;
beforeAll(async () => {
  recipient = await makeRecipient();
  stage = await openConditionStage({ environment: recipient.environment });
  agreement = stage.on(
    await createKey(stage.root, { KeySpec: 'ECC_NIST_P256', KeyUsage: 'KEY_AGREEMENT' }),
  );
});
afterAll(async () => {
  await stage.daemon.remove();
  await recipient.remove();
});

/** What the condition keys are of: a document of an enclave, one of a NitroTPM, or no document. */
type From = 'an enclave' | 'a NitroTPM' | 'nobody';
const documents: Readonly<Record<From, Different | undefined>> = {
  'an enclave': {},
  'a NitroTPM': ofNitroTpm,
  nobody: undefined,
};

function infoFrom(from: From): RecipientInfo | undefined {
  const different = documents[from];
  return different && recipient.info(different);
}

type Send = (kms: KMSClient, Recipient: RecipientInfo | undefined) => Promise<unknown>;
const sends: Readonly<Record<RecipientOperation, Send>> = {
  Decrypt: (kms, Recipient) =>
    kms.send(
      new DecryptCommand({
        ...{ KeyId: stage.key.id, CiphertextBlob: stage.sealed, Recipient },
        EncryptionContext: encryptionContext,
      }),
    ),
  DeriveSharedSecret: (kms, Recipient) =>
    kms.send(
      new DeriveSharedSecretCommand({
        ...{ KeyId: agreement.key.id, KeyAgreementAlgorithm: 'ECDH', Recipient },
        PublicKey: newPublicKey('P-256'),
      }),
    ),
  GenerateDataKey: (kms, Recipient) =>
    kms.send(new GenerateDataKeyCommand({ KeyId: stage.key.id, KeySpec: 'AES_128', Recipient })),
  GenerateDataKeyPair: (kms, Recipient) =>
    kms.send(
      new GenerateDataKeyPairCommand({
        ...{ KeyId: stage.key.id, KeyPairSpec: 'ECC_NIST_P256', Recipient },
      }),
    ),
  GenerateRandom: (kms, Recipient) =>
    kms.send(new GenerateRandomCommand({ NumberOfBytes: 1, Recipient })),
};

/** Policies have them in whatever case. */
const is = (index: number) =>
  ['StringEqualsIgnoreCase', pcrHex(index).toUpperCase(), pcrHex(index + 1)] as const;
const [image, pcr, tpm] = ['ImageSha384', 'PCR', 'NitroTPMPCR'].map(
  (name) => `kms:RecipientAttestation:${name}`,
);
const facts: [key: string, from: From, met: ConditionRow['met']][] = [
  [`${image}`, 'an enclave', is(0)],
  [`${pcr}8`, 'an enclave', is(8)],
  [`${pcr}5`, 'an enclave', undefined],
  [`${tpm}4`, 'an enclave', undefined],
  [`${tpm}7`, 'a NitroTPM', ['StringEquals', pcrHex(7), pcrHex(7).toUpperCase()]],
  [`${pcr}7`, 'a NitroTPM', undefined],
  [`${image}`, 'a NitroTPM', undefined],
  [`${pcr}0`, 'nobody', undefined],
];

describe.each(recipientOperations)('In %s', (operation) => {
  const onKey = operation !== 'GenerateRandom';
  test.each(facts)('%s of %s is what its document says', async (key, from, met) => {
    const row: ConditionRow = {
      ...{ key, action: `kms:${operation}` },
      ...(met && { met }),
      stage: () => (operation === 'DeriveSharedSecret' ? agreement : stage),
      send: (kms) => sends[operation](kms, infoFrom(from)),
      ...(onKey ? {} : { resource: '*' }),
    };
    for (const kind of onKey
      ? (['key policy', 'identity policy'] as const)
      : (['identity policy'] as const)) {
      const { answered, expected } = await conditionVerdicts(stage, kind, row);
      expect({ [kind]: answered }).toEqual({ [kind]: expected });
    }
  });
});

describe('A policy that denies', () => {
  const denying = async (Condition: Condition): Promise<void> => {
    const Action = 'kms:Decrypt';
    await stage.putUserPolicy([{ Action }, { Effect: 'Deny', Action, Condition }]);
  };
  const verdict = (from: From) => stage.verdict(sends.Decrypt(stage.alice.kms, infoFrom(from)));
  const denied = expect.stringMatching(
    /^AccessDeniedException: .* with an explicit deny in an identity-based policy$/,
  ) as string;

  test('whoever names no recipient lets recipients alone have plaintext', async () => {
    await denying({ Null: { [`${pcr}0`]: 'true' } });
    expect([
      await verdict('an enclave'),
      await verdict('a NitroTPM'),
      await verdict('nobody'),
    ]).toEqual(['allowed', denied, denied]);
  });

  test('every image but one denies those who have none too', async () => {
    await denying({ StringNotEqualsIgnoreCase: { [`${image}`]: pcrHex(0) } });
    expect([await verdict('an enclave'), await verdict('nobody')]).toEqual(['allowed', denied]);
    await denying({ StringNotEqualsIgnoreCase: { [`${image}`]: pcrHex(1) } });
    expect(await verdict('an enclave')).toEqual(denied);
  });

  test('one register denies who has it, and nobody else', async () => {
    await denying({ StringEqualsIgnoreCase: { [`${tpm}7`]: pcrHex(7) } });
    expect([
      await verdict('an enclave'),
      await verdict('a NitroTPM'),
      await verdict('nobody'),
    ]).toEqual(['allowed', denied, 'allowed']);
  });
});
