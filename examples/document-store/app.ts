import { randomUUID } from 'node:crypto';
import express, {
  type ErrorRequestHandler,
  type Express,
  type RequestHandler,
  type RequestParamHandler,
} from 'express';
import { ClavigerError } from '../../clients/typescript/src';
import { clavigerProblem } from './claviger';
import type { Documents } from './documents';
import { Problem, type ProblemCode } from './problems';

export interface AppOptions {
  readonly documents: Documents;
  readonly maxDocumentBytes: number;
  /** Whether they answer. */
  readonly health: () => Promise<Readonly<Record<'database' | 'claviger', boolean>>>;
  readonly log: (event: Readonly<Record<string, unknown>>) => void;
}

type Tenant = RequestHandler<{ tenant: string }>;
type Document = RequestHandler<{ tenant: string; document: string }>;

const tenantForm = /^[a-z\d][a-z\d-]{0,62}$/;
const documentForm = /^[\w.-]{1,128}$/;

export function application({ documents, maxDocumentBytes, health, log }: AppOptions): Express {
  // A document can be read from keys in memory while Claviger is away: that takes nobody out of service.
  const healthy: RequestHandler = async (_req, res) => {
    const state = await health();
    res.status(state.database ? 200 : 503).json(state);
  };
  const addTenant: RequestHandler = async ({ body }, res) => {
    const tenant = tenantIn(body);
    const keyId = await documents.createTenant(tenant);
    res.status(201).location(`/tenants/${tenant}`).json({ tenant, keyId });
  };
  const shred: Tenant = async ({ params: { tenant } }, res) => {
    res.json({ tenant, keyDeletionDate: await documents.shred(tenant) });
  };
  const rewrap: Tenant = async ({ params: { tenant }, query: { after = '' } }, res) => {
    if (typeof after !== 'string' || !/^[\w-]{0,1024}$/.test(after)) {
      throw new Problem('BadRequest', 'after must be the next of another page');
    }
    res.json(await documents.rewrap(tenant, after));
  };
  const put: Document = async ({ params: { tenant, document }, body }, res) => {
    // Undefined where the request has no body.
    await documents.put(tenant, document, Buffer.isBuffer(body) ? body : Buffer.alloc(0));
    res.status(204).end();
  };
  const get: Document = async ({ params: { tenant, document } }, res) => {
    const plaintext = await documents.get(tenant, document);
    // No browser may take for a page what a tenant wrote.
    res.set('x-content-type-options', 'nosniff').type('application/octet-stream').send(plaintext);
  };
  const remove: Document = async ({ params: { tenant, document } }, res) => {
    await documents.remove(tenant, document);
    res.status(204).end();
  };

  const json = express.json({ limit: 4096, inflate: false });
  const bytes = express.raw({ limit: maxDocumentBytes, inflate: false, type: () => true });
  const app = express().disable('x-powered-by').disable('etag').enable('case sensitive routing');
  app.use(logged(log), neverKept);
  app.param('tenant', named('tenant', tenantForm));
  app.param('document', named('document', documentForm));
  app.route('/healthz').get(healthy).all(others('GET'));
  app.route('/tenants').post(json, addTenant).all(others('POST'));
  app.route('/tenants/:tenant').delete(shred).all(others('DELETE'));
  app.route('/tenants/:tenant/rewrap').post(rewrap).all(others('POST'));
  app
    .route('/tenants/:tenant/documents/:document')
    .put(bytes, put)
    .get(get)
    .delete(remove)
    .all(others('GET, PUT, DELETE'));
  app.use(() => {
    throw new Problem('NotFound', 'No resource has this path');
  });
  app.use(refused);
  return app;
}

/** One line a request. Names of tenants and documents are in it; contents, keys and tokens never. */
function logged(log: AppOptions['log']): RequestHandler {
  return (req, res, next) => {
    const started = performance.now();
    const requestId = randomUUID();
    res.set('x-request-id', requestId);
    res.once('close', () => {
      const { method } = req;
      const path = (req.route as { path: string } | undefined)?.path;
      const milliseconds = Math.round(performance.now() - started);
      const { names, failure } = res.locals as Locals;
      log({ requestId, method, path, ...names, status: res.statusCode, milliseconds, ...failure });
    });
    next();
  };
}

const neverKept: RequestHandler = (_req, res, next) => {
  res.set('cache-control', 'no-store');
  next();
};

/** What the log gets of a request. */
interface Locals {
  names?: Record<string, string>;
  failure?: { readonly code: string; readonly message: string };
}

function named(parameter: string, form: RegExp): RequestParamHandler {
  return (_req, res: { locals: Locals }, next, name: string) => {
    if (!form.test(name)) throw new Problem('BadRequest', nameRule(parameter, form));
    res.locals.names = { ...res.locals.names, [parameter]: name };
    next();
  };
}

function nameRule(parameter: string, form: RegExp): string {
  return `The name of a ${parameter} must match ${form.source}`;
}

function tenantIn(body: unknown): string {
  if (typeof body !== 'object' || body === null || Object.keys(body).join() !== 'tenant') {
    throw new Problem('BadRequest', 'The body must be a JSON object with the member tenant alone');
  }
  const { tenant } = body as { tenant: unknown };
  if (typeof tenant === 'string' && tenantForm.test(tenant)) return tenant;
  throw new Problem('BadRequest', nameRule('tenant', tenantForm));
}

function others(allowed: string): RequestHandler {
  return (_req, res) => {
    res.set('allow', allowed);
    throw new Problem('MethodNotAllowed', `This resource has ${allowed}`);
  };
}

/** What Express and its body parsers refuse, by status. */
const refusals: Readonly<Record<number, readonly [ProblemCode, string]>> = {
  400: ['BadRequest', 'The request cannot be read'],
  413: ['TooLarge', 'It has more bytes than are taken here'],
  415: ['UnsupportedMediaType', 'Content-Encoding is not taken, and JSON is in UTF-8'],
};

const refused: ErrorRequestHandler = (error: unknown, _req, res, next) => {
  if (res.headersSent) {
    next(error);
    return;
  }
  const problem = problemOf(error);
  const { message } = (problem.code === 'Internal' ? error : (problem.cause ?? problem)) as Error;
  res.locals['failure'] = { code: problem.code, message };
  if (problem.retryAfterSeconds !== undefined)
    res.set('retry-after', `${problem.retryAfterSeconds}`);
  res.status(problem.status).type('application/problem+json').json(problem.document);
};

function problemOf(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (error instanceof ClavigerError) return clavigerProblem(error);
  const [code, detail] = refusals[(error as { status?: number } | undefined)?.status ?? 0] ?? [];
  return new Problem(code ?? 'Internal', detail ?? 'The log of this service says more');
}
