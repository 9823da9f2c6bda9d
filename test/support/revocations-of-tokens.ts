import { Agent } from 'node:http';
import {
  DeleteAccessKeyCommand,
  DeleteUserCommand,
  DeleteUserPolicyCommand,
  PutUserPolicyCommand,
} from '@aws-sdk/client-iam';
import { type MadeToken, makeToken } from './api-tokens';
import type { TestCredentials, TestDaemon } from './daemon';
import { allowing } from './iam-documents';
import { encrypt } from './keys';
import { rest } from './rest';
import type { Access, Revocation, Stage } from './revocation-stage';
import { newGrant, newUser, unrecognised } from './revocations';

/** Lines on which the holder of an API token encrypts, with the AWS SDK. */
function encryptingWith({ text }: MadeToken, keyId: string): Access['open'] {
  return (daemon: TestDaemon) => {
    const httpAgent = new Agent({ keepAlive: true, maxSockets: 1 });
    const kms = daemon.client({ requestHandler: { httpAgent } });
    kms.middlewareStack.add(
      (next) => (args) => {
        const { headers } = args.request as { headers: Record<string, string> };
        headers['authorization'] = `Bearer ${text}`;
        return next(args);
      },
      { step: 'finalizeRequest', priority: 'low', name: 'bearer' },
    );
    return { send: () => kms.send(encrypt(keyId)), close: () => kms.destroy() };
  };
}

interface Holder {
  readonly UserName: string;
  readonly AccessKeyId: string;
  readonly token: MadeToken;
}

/** A user whom a grant lets encrypt, and its API token. */
async function newHolder(stage: Stage, UserName: string): Promise<Holder> {
  const credentials: TestCredentials = await newUser(stage, UserName);
  const policy = { UserName, PolicyName: 'p' };
  const PolicyDocument = allowing('claviger:CreateApiToken');
  await stage.iam.send(new PutUserPolicyCommand({ ...policy, PolicyDocument }));
  const token = await makeToken(stage.first, { credentials });
  await stage.iam.send(new DeleteUserPolicyCommand(policy));
  await newGrant(stage, stage.arn(`user/${UserName}`));
  return { UserName, AccessKeyId: credentials.accessKeyId, token };
}

function ofToken(
  name: string,
  revoke: (stage: Stage, holder: Holder) => Promise<unknown>,
): Revocation {
  return {
    name,
    refusal: unrecognised,
    arrange: async (stage, UserName) => {
      const holder = await newHolder(stage, UserName);
      return {
        open: encryptingWith(holder.token, stage.keyId),
        revoke: () => revoke(stage, holder),
      };
    },
  };
}

export const tokenRevocations: readonly Revocation[] = [
  ofToken('DeleteApiToken', ({ first }, { token }) =>
    rest(first, `DELETE /v1/api-tokens/${token.id}`),
  ),
  ofToken('DeleteUser, with an API token in use', async ({ iam }, { UserName, AccessKeyId }) => {
    await iam.send(new DeleteAccessKeyCommand({ UserName, AccessKeyId }));
    await iam.send(new DeleteUserCommand({ UserName }));
  }),
];
