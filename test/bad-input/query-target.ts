import type { SignedRequest } from '../../src/auth/sigv4';
import { type TestDaemon, startDaemon } from '../support/daemon';
import { administer } from '../support/postgres';
import { type CallOptions, type Reply, send, signed } from '../support/wire';

/** Of the daemon here, which is not the global one of IAM and STS. */
export const region = 'eu-central-1';
export const form = 'application/x-www-form-urlencoded';
export const identity = 'Action=GetCallerIdentity&Version=2011-06-15';
export const createUser = 'Action=CreateUser&Version=2010-05-08&UserName=eve';

export interface Refusal {
  readonly status: number;
  readonly type: string | undefined;
  readonly code: string | undefined;
  readonly message: string | undefined;
}

export interface QueryTarget {
  readonly daemon: TestDaemon;
  /** Signs for STS in the daemon's region, or for what the options say. */
  sign(body: string, options?: CallOptions): Promise<SignedRequest>;
  /** Signs a form as `sign` does, and sends it. */
  post(body: string, options?: CallOptions): Promise<Reply>;
  /** What a refusal says; its record is the one that its request id names. */
  refusal(reply: Reply): Promise<Refusal & { readonly recorded: unknown }>;
  /** Everything that a request to IAM could have changed. */
  state(): Promise<unknown>;
}

export async function startQueryTarget(): Promise<QueryTarget> {
  const daemon = await startDaemon({ environment: { CLAVIGER_REGION: region } });
  const sign: QueryTarget['sign'] = (body, { headers, ...rest } = {}) =>
    signed(
      daemon,
      { headers: { 'content-type': form, ...headers }, body },
      { region, service: 'sts', ...rest },
    );
  return {
    daemon,
    sign,
    post: async (body, options) => send(daemon, await sign(body, options)),
    refusal: (reply) => refusalIn(daemon, reply),
    state: () => stateOf(daemon),
  };
}

export function inside(text: string, name: string): string | undefined {
  return new RegExp(`<${name}>([^<]*)</${name}>`).exec(text)?.[1];
}

export function sender(status: number, code: string, message: string): Refusal {
  return { status, type: 'Sender', code, message };
}

async function refusalIn(
  daemon: TestDaemon,
  { status, headers, text }: Reply,
): Promise<Refusal & { recorded: unknown }> {
  expect(headers['content-type']).toBe('text/xml');
  const id = String(headers['x-amzn-requestid']);
  expect(inside(text, 'RequestId')).toBe(id);
  const records = await administer(
    daemon.databaseUrl,
    `select record::json ->> 'errorCode' as error, record::json ->> 'eventSource' as source
     from audit_record where record::json ->> 'requestID' = '${id}'`,
  );
  expect(records).toHaveLength(1);
  return {
    status,
    type: inside(text, 'Type'),
    code: inside(text, 'Code'),
    message: inside(text, 'Message'),
    recorded: records[0],
  };
}

const tables = ['account', 'principal', 'access_key', 'iam_tag', 'inline_policy', 'managed_policy'];

async function stateOf(daemon: TestDaemon): Promise<unknown> {
  const rows = tables.map(
    (table) => `(select json_agg(t order by t::text) from ${table} t) as "${table}"`,
  );
  return administer(daemon.databaseUrl, `select ${rows.join(', ')}`);
}
