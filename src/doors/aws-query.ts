import type { Awaitable } from '../awaitable';
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Answer, DoorRequest } from '../corridor';
import { KmsError } from '../errors';
import type { Principal } from '../policy/principal';
import type { Presented } from '../auth/authenticator';
import { escapeXml, formInput, parseInput, writeXml } from '../shapes';
import { type QueryError, queryErrors } from './aws-query-errors';
import { completeBody } from './body';
import { certificateOf } from './certificate';
import type { Door } from './door';
import { parseParameters } from './form';
import { originOf } from './origin';

/** The services that speak the query protocol. */
export type QueryService = 'iam' | 'sts';

export interface AwsQueryDoor extends Door {
  /** Given the service that the request is for, which its signature must be scoped to. */
  readonly authenticate: (service: QueryService, request: Presented) => Awaitable<Principal>;
}

/** The version of a service's API names the service: there is one address for both. */
const services: ReadonlyMap<string, QueryService> = new Map([
  ['2010-05-08', 'iam'],
  ['2011-06-15', 'sts'],
]);

const namespaces: Readonly<Record<QueryService, string>> = {
  iam: 'https://iam.amazonaws.com/doc/2010-05-08/',
  sts: 'https://sts.amazonaws.com/doc/2011-06-15/',
};

/** Longest name of an action or version that an error repeats. */
const maxEcho = 128;

/** Whether a request to `/` is of this protocol: a form, or an action in its URL; and not of AWS JSON, by its target. */
export function isAwsQuery({ headers, url }: Pick<IncomingMessage, 'headers' | 'url'>): boolean {
  if (headers['x-amz-target'] !== undefined) return false;
  const type = headers['content-type']?.split(';', 1)[0]?.trim().toLowerCase();
  return type === 'application/x-www-form-urlencoded' || namesAction(url);
}

/** Whether a URL is a whole request in itself, as presigned ones are. */
export function namesAction(url: string | undefined): boolean {
  return url !== undefined && /^\/\?(?:.*&)?Action=/.test(url);
}

/** Requests of IAM and STS: `Action=…&Version=…` in the body of `POST /`, or in the URL of `GET /`; answers are XML. */
export function awsQuery(door: AwsQueryDoor): (req: IncomingMessage, res: ServerResponse) => void {
  return (req, res) => {
    const request = new QueryRequest(door, req);
    void door.handle(request).then((answer) => send(res, request, answer));
  };
}

/** A request as the corridor sees it. Who is asked for is in the body, so that is read before anyone is authenticated. */
class QueryRequest implements DoorRequest {
  readonly requestId: string;
  readonly origin: DoorRequest['origin'];
  private content: Buffer | undefined;
  private parameters: ReadonlyMap<string, string> = new Map();

  constructor(
    private readonly door: AwsQueryDoor,
    private readonly req: IncomingMessage,
  ) {
    this.requestId = door.newRequestId();
    this.origin = originOf(req, door.networks);
  }

  get service(): QueryService | undefined {
    return services.get(this.parameters.get('Version') ?? '');
  }

  async operation(): Promise<string> {
    const { req, door } = this;
    this.content = await completeBody(req, door.maxBodyBytes);
    if (req.method !== 'POST' && req.method !== 'GET') {
      throw new KmsError('UnknownOperationException', `The method ${req.method} is not supported.`);
    }
    this.parameters = parseParameters(queryOf(req.url), this.content);
    const action = this.parameters.get('Action') ?? '';
    if (action !== '') return action;
    throw new KmsError(
      'MissingAction',
      'The request is missing an action or a required parameter.',
    );
  }

  authenticate(): Awaitable<Principal> {
    const { content: body, service } = this;
    if (body === undefined || service === undefined) {
      throw new Error('a request was authenticated before its operation was named');
    }
    const { method = 'POST', url = '/', rawHeaders } = this.req;
    const certificate = certificateOf(this.req, this.door.networks);
    const { origin } = this;
    const presented = { method, url, rawHeaders, body, origin, certificate };
    return this.door.authenticate(service, presented);
  }

  input: DoorRequest['input'] = (operation) =>
    parseInput(operation, formInput(operation, this.parameters));

  write: DoorRequest['write'] = (name, output) =>
    writeXml(name, output, { namespace: this.namespace, requestId: this.requestId });

  get namespace(): string {
    return namespaces[this.service ?? 'sts'];
  }

  /** AWS's text for an action that the version does not have. */
  get unknownOperation(): string {
    const version = this.parameters.get('Version') ?? 'NO_VERSION_SPECIFIED';
    const action = this.parameters.get('Action') ?? '';
    return `Could not find operation ${action.slice(0, maxEcho)} for version ${version.slice(0, maxEcho)}`;
  }
}

function queryOf(url = '/'): string {
  const mark = url.indexOf('?');
  return mark < 0 ? '' : url.slice(mark + 1);
}

function send(res: ServerResponse, request: QueryRequest, answer: Answer): void {
  if (res.destroyed) return;
  const { status, text } = answer.ok
    ? { status: 200, text: answer.output }
    : errorXml(answer.error, request);
  // The rest of a body that is too large is not worth reading.
  if (status === 413) res.shouldKeepAlive = false;
  res.writeHead(status, {
    'x-amzn-RequestId': request.requestId,
    'Content-Type': 'text/xml',
    'Content-Length': Buffer.byteLength(text),
    'Cache-Control': 'no-store',
    // A presigned request may be opened in a browser.
    'X-Content-Type-Options': 'nosniff',
  });
  res.end(text);
}

function errorXml(error: KmsError, request: QueryRequest): { status: number; text: string } {
  const {
    status,
    code = error.code,
    message = error.message,
  }: QueryError = queryErrors[error.code];
  const said =
    message === '' && error.code === 'UnknownOperationException'
      ? request.unknownOperation
      : message;
  const members =
    `<Type>${status < 500 ? 'Sender' : 'Receiver'}</Type>` +
    `<Code>${code}</Code><Message>${escapeXml(said)}</Message>`;
  return {
    status,
    text:
      `<ErrorResponse xmlns="${request.namespace}"><Error>${members}</Error>` +
      `<RequestId>${escapeXml(request.requestId)}</RequestId></ErrorResponse>`,
  };
}
