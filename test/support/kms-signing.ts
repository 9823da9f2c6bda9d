import { hash } from 'node:crypto';
import {
  type KMSClient,
  SignCommand,
  type SignCommandInput,
  VerifyCommand,
} from '@aws-sdk/client-kms';
import { Message, type OpenSslAlgorithm, openSslSchemes } from './signing-keys';

/** Of what is hashed before it is signed. */
const digestOf = (algorithm: OpenSslAlgorithm, message = Message): Buffer | undefined => {
  const { hash: name } = openSslSchemes[algorithm];
  return name && hash(name, message, 'buffer');
};

/** The signatures of one message, given to Sign in each way there is. Throws unless Verify accepts them in each. */
export async function signedAndVerified(
  kms: KMSClient,
  KeyId: string,
  SigningAlgorithm: OpenSslAlgorithm,
): Promise<Buffer[]> {
  const digest = digestOf(SigningAlgorithm);
  const ways: Pick<SignCommandInput, 'Message' | 'MessageType'>[] = [
    { Message },
    { Message, MessageType: 'RAW' },
    ...(digest === undefined ? [] : [{ Message: digest, MessageType: 'DIGEST' as const }]),
  ];
  const made: Buffer[] = [];
  for (const way of ways) {
    const input = { KeyId, ...way, SigningAlgorithm };
    const { Signature = new Uint8Array() } = await kms.send(new SignCommand(input));
    for (const other of ways) {
      const asked = { KeyId, ...other, Signature, SigningAlgorithm };
      const { SignatureValid } = await kms.send(new VerifyCommand(asked));
      if (SignatureValid !== true) throw new Error('Verify answered, and not that it is valid');
    }
    made.push(Buffer.from(Signature));
  }
  return made;
}
