import * as iam from '@aws-sdk/client-iam';
import * as sts from '@aws-sdk/client-sts';
import type { OperationName } from '../../src/shapes';

/** The AWS SDK for IAM and STS with a text in place of the network: what it writes, and how it reads an answer. */

let answer = { statusCode: 200, text: '' };
let sent = '';

const configuration = {
  region: 'eu-west-1',
  endpoint: 'http://127.0.0.1:1',
  credentials: { accessKeyId: 'a', secretAccessKey: 'b' },
  maxAttempts: 1,
  requestHandler: {
    handle: (request: { body?: unknown }) => {
      sent = String(request.body);
      const headers = { 'content-type': 'text/xml' };
      const { statusCode, text } = answer;
      return Promise.resolve({ response: { statusCode, headers, body: Buffer.from(text) } });
    },
  },
};

interface Client {
  send(command: object): Promise<object>;
}

const clients: readonly { readonly library: object; readonly client: Client }[] = [
  { library: iam, client: new iam.IAMClient(configuration) },
  { library: sts, client: new sts.STSClient(configuration) },
];

/** Of GetForwardedSession, which is Claviger's own, no SDK knows. */
export function knownToSdk(name: OperationName): boolean {
  return clients.some(({ library }) => Object.hasOwn(library, `${name}Command`));
}

async function call(name: OperationName, input: object): Promise<object> {
  for (const { library, client } of clients) {
    const Command = Reflect.get(library, `${name}Command`) as
      (new (input: object) => object) | undefined;
    if (Command !== undefined) return client.send(new Command(input));
  }
  throw new Error(`the SDK has no ${name}`);
}

/** The form body that the SDK writes for an input. */
export async function writtenBySdk(name: OperationName, input: object): Promise<string> {
  answer = { statusCode: 200, text: `<${name}Response><${name}Result/></${name}Response>` };
  await call(name, input);
  return sent;
}

/** What the SDK makes of an answer; rejects with the error that it makes of a refusal. */
export async function readBySdk(
  name: OperationName,
  text: string,
  statusCode = 200,
): Promise<object & { readonly $metadata?: unknown }> {
  answer = { statusCode, text };
  return call(name, {});
}
