import { createHash } from 'node:crypto';
import { type RequestHandler, type Response, Router } from 'express';
import { openApiDocument } from '../../rest/openapi/document';
import { basePath } from '../../rest/routes';
import { type DocsAsset, readDocsAssets } from './docs-assets';

/**
 * What the page of the reference may do: run and show what this daemon serves, call this daemon, and show pictures that the
 * style sheet has in itself. Nothing inline, and no other host.
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

/** Below `/v1`, where the REST door would have nothing. */
export const documentPath = `${basePath}/openapi.json`;
const pagePath = '/docs';

/** A year, the longest that caches are told (RFC 9111): the path has a digest of what is there. */
const forEver = 'public, max-age=31536000, immutable';

/**
 * `/v1/openapi.json`, and `/docs`, where a browser shows it. Public and not recorded: it says the same to everybody and
 * nothing of what is kept here.
 */
export function docsRouter(): Router {
  const router = Router({ caseSensitive: true, strict: true });
  const document = once(() =>
    asset('application/json; charset=utf-8', JSON.stringify(openApiDocument())),
  );
  const site = once(makeSite);
  router.get(documentPath, (_req, res) => send(res, document()));
  router.get(pagePath, (_req, res) => {
    res.set('Content-Security-Policy', pagePolicy);
    send(res, site().page);
  });
  router.get(`${pagePath}/:digest/:name`, (req, res, next) => {
    const { digest, name } = req.params;
    const found = digest === site().digest ? site().assets.get(name) : undefined;
    if (found === undefined) {
      next();
      return;
    }
    res.set('Cache-Control', forEver);
    send(res, found);
  });
  router.get(`${pagePath}/`, (_req, res) => {
    res.redirect(308, pagePath);
  });
  router.all([documentPath, pagePath, `${pagePath}/`], onlyRead);
  return router;
}

interface Served extends DocsAsset {
  /** Strong (RFC 9110 §8.8.3). */
  readonly etag: string;
}

interface Site {
  readonly page: Served;
  readonly digest: string;
  /** By file name: whatever else a path names is not there. */
  readonly assets: ReadonlyMap<string, Served>;
}

function makeSite(): Site {
  const assets = new Map(
    Object.entries(readDocsAssets(documentPath)).map(([name, { type, body }]) => [
      name,
      asset(type, body),
    ]),
  );
  const etags = [...assets.values()].map(({ etag }) => etag).join();
  const digest = createHash('sha256').update(etags).digest('hex').slice(0, 16);
  return {
    page: asset('text/html; charset=utf-8', pageOf(`${pagePath}/${digest}`)),
    digest,
    assets,
  };
}

function asset(type: string, content: string | Buffer): Served {
  const body = Buffer.from(content);
  const digest = createHash('sha256').update(body).digest('base64url');
  return { type, body, etag: `"${digest}"` };
}

/** With a validator: a browser asks again, and is told that nothing has changed. */
function send(res: Response, { type, body, etag }: Served): void {
  if (res.getHeader('Cache-Control') !== forEver) res.set('Cache-Control', 'no-cache');
  res.set({ 'Content-Type': type, ETag: etag });
  if (res.req.fresh) res.status(304).end();
  else res.send(body);
}

const onlyRead: RequestHandler = (_req, res) => {
  res.set('Allow', 'GET, HEAD').status(405).json({ message: 'Method Not Allowed' });
};

function pageOf(assets: string): string {
  return `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Claviger: API reference</title>
    <link rel="icon" type="image/png" href="${assets}/favicon-32x32.png" />
    <link rel="stylesheet" href="${assets}/swagger-ui.css" />
    <link rel="stylesheet" href="${assets}/page.css" />
  </head>
  <body>
    <div id="reference"><noscript>This page needs JavaScript.</noscript></div>
    <script src="${assets}/swagger-ui-bundle.js"></script>
    <script src="${assets}/page.js"></script>
  </body>
</html>
`;
}

function once<T>(make: () => T): () => T {
  let made: T | undefined;
  return () => (made ??= make());
}
