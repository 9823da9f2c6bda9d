import { readFileSync } from 'node:fs';
import path from 'node:path';

export interface DocsAsset {
  readonly type: string;
  readonly body: Buffer;
}

/** What the page needs of Swagger UI, and no more. */
const files = {
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'swagger-ui.css': 'text/css; charset=utf-8',
  'favicon-32x32.png': 'image/png',
} as const;

/**
 * Neither a validator on the internet nor links of a query (`?url=`) nor a store of the browser: what somebody authorizes
 * the page with is gone when it is closed.
 */
const script = (document: string): string => `'use strict';
SwaggerUIBundle({
  url: '${document}',
  dom_id: '#reference',
  deepLinking: true,
  displayOperationId: true,
  displayRequestDuration: true,
  defaultModelsExpandDepth: 0,
  docExpansion: 'list',
  filter: true,
  persistAuthorization: false,
  queryConfigEnabled: false,
  tryItOutEnabled: false,
  validatorUrl: null,
});
`;

const style = `body { margin: 0; background: #fff; }
.swagger-ui .info { margin: 24px 0; }
.swagger-ui .opblock-summary-operation-id { word-break: keep-all; }
`;

/** The files behind the page, by name. Reads them from the package, which is installed with Claviger. */
export function readDocsAssets(document: string): Readonly<Record<string, DocsAsset>> {
  const home = path.dirname(require.resolve('swagger-ui-dist/package.json'));
  const read = Object.entries(files).map(([name, type]): [string, DocsAsset] => [
    name,
    { type, body: readFileSync(path.join(home, name)) },
  ]);
  return {
    ...Object.fromEntries(read),
    'page.css': { type: 'text/css; charset=utf-8', body: Buffer.from(style) },
    'page.js': { type: 'text/javascript; charset=utf-8', body: Buffer.from(script(document)) },
  };
}
