import { routes } from '../../../src/rest/routes';
import { bytesOf, type Identity, Signer } from './signer';

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
    rest: (operation, input) => {
      const { path, body } = restOf(operation, input);
      return signer.post(path, body);
    },
    'rest-token': (operation, input) => {
      const rest = restOf(operation, input);
      const body = Buffer.from(JSON.stringify(rest.body));
      const length = String(body.length);
      return bytesOf(
        rest.path,
        [
          ['host', host],
          ['content-type', 'application/json'],
          ['content-length', length],
          ['authorization', `Bearer ${token ?? ''}`],
        ],
        body,
      );
    },
  };
  return makers[door];
}

function restOf(operation: string, input: object): { path: string; body: object } {
  const route = routes.find((one) => one.operation === operation);
  if (route?.line.method !== 'POST') throw new Error(`${operation} is no POST by REST`);
  const values = new Map(Object.entries(input));
  const path = route.path.replace(/\{(\w+)\}/g, (_, member: string) => {
    const value = String(values.get(member));
    values.delete(member);
    return encodeURIComponent(value);
  });
  return { path, body: Object.fromEntries(values) };
}
