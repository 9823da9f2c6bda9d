import { routes } from '../../../src/rest/routes';
import { bytesOf, type Identity, type Post, Signer } from './signer';

/** How requests come: by AWS's protocol, or by REST, signed or with a bearer token. */
export const doorNames = ['aws-json', 'rest', 'rest-token'] as const;
export type DoorName = (typeof doorNames)[number];

export interface Caller {
  readonly identity: Identity;
  /** Of the same principal; for `rest-token`. */
  readonly token?: string | undefined;
}

/** Makes a request of an operation's input, as the bytes that go on the wire. */
export type RequestMaker = (operation: string, input: object) => Buffer;

export function requestMaker(
  door: DoorName,
  { identity, token }: Caller,
  host: string,
): RequestMaker {
  const signer = new Signer(identity, host);
  const makers: Readonly<Record<DoorName, RequestMaker>> = {
    'aws-json': (operation, input) => signer.request(operation, input),
    rest: (operation, input) => signer.post(restPost(operation, input)),
    'rest-token': (operation, input) => {
      const { path, contentType, input: rest } = restPost(operation, input);
      const body = Buffer.from(JSON.stringify(rest));
      const headers = {
        ...{ host, 'content-type': contentType, 'content-length': String(body.length) },
        authorization: `Bearer ${token ?? ''}`,
      };
      return bytesOf(path, headers, body);
    },
  };
  return makers[door];
}

function restPost(operation: string, input: object): Post {
  const route = routes.find((one) => one.operation === operation);
  if (route?.line.method !== 'POST') throw new Error(`${operation} is no POST by REST`);
  const values = new Map(Object.entries(input));
  const path = route.path.replace(/\{(\w+)\}/g, (_, member: string) => {
    const value = String(values.get(member));
    values.delete(member);
    return encodeURIComponent(value);
  });
  return { path, contentType: 'application/json', input: Object.fromEntries(values) };
}
