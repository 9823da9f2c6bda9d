import { clientError } from './errors';
import type { Outgoing, Send } from './outgoing';
import { type Credentials, signatureHeaders } from './sigv4';

/** A value, or what gives it anew for each attempt, so that it may change while the client lives. */
export type Provided<Value> = Value | (() => Value | Promise<Value>);

/** Who calls. Without either, nothing is said: the connection's client certificate does. */
export type Caller =
  | { readonly token: Provided<string>; readonly credentials?: never; readonly region?: never }
  | {
      readonly credentials: Provided<Credentials>;
      /** The daemon's `CLAVIGER_REGION`; by default us-east-1. */
      readonly region?: string;
      readonly token?: never;
    }
  | { readonly token?: never; readonly credentials?: never; readonly region?: never };

/** Headers by which a request says who sends it. */
type Authorize = (outgoing: Outgoing) => Promise<Readonly<Record<string, string>>>;

/** Sends with the caller's authorization, made anew each time: signatures and tokens grow old. */
export function withAuthorization(send: Send, caller: Caller): Send {
  const authorize = authorizeOf(caller);
  return async (outgoing) => {
    const headers = new Headers(outgoing.headers);
    for (const [name, value] of Object.entries(await authorize(outgoing))) headers.set(name, value);
    return send({ ...outgoing, headers });
  };
}

/** A Caller as JavaScript may give it. */
interface AnyCaller {
  readonly token?: Provided<string> | undefined;
  readonly credentials?: Provided<Credentials> | undefined;
  readonly region?: string | undefined;
}

function authorizeOf(caller: AnyCaller): Authorize {
  const { token, credentials, region = 'us-east-1' } = caller;
  // What is not set in the environment must not become a request of nobody's.
  for (const name of ['token', 'credentials'] as const) {
    if (name in caller && caller[name] === undefined) throw new TypeError(`${name} is undefined`);
  }
  if (token !== undefined && credentials !== undefined) {
    throw new TypeError('Give token or credentials, not both');
  }
  if (token !== undefined) {
    return async () => ({ authorization: `Bearer ${printable(await valueOf(token))}` });
  }
  if (credentials === undefined) return () => Promise.resolve({});
  return async (outgoing) => {
    const { accessKeyId, secretAccessKey, sessionToken } = await valueOf(credentials);
    const visible = {
      accessKeyId: printable(accessKeyId),
      sessionToken: sessionToken === undefined ? undefined : printable(sessionToken),
    };
    const scope = { region, at: new Date() };
    return signatureHeaders(outgoing, { ...visible, secretAccessKey }, scope);
  };
}

function valueOf<Value extends string | Credentials>(
  provided: Provided<Value>,
): Value | Promise<Value> {
  return typeof provided === 'function' ? provided() : provided;
}

/** Headers says of a value that it cannot carry what that value is. */
function printable(credential: unknown): string {
  if (typeof credential === 'string' && /^[\x21-\x7e]+$/.test(credential)) return credential;
  const detail =
    'A token, an access key id and a session token are visible ASCII characters, without spaces or line ends';
  throw clientError('InvalidCredentials', detail);
}
