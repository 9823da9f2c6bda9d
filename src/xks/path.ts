export type XksOperationName = 'GetKeyMetadata' | 'Encrypt' | 'Decrypt' | 'GetHealthStatus';

/** What the path of a request says (xks-proxy §1.2). */
export type XksPath =
  | { readonly prefix: string; readonly operation: 'GetHealthStatus' }
  | {
      readonly prefix: string;
      readonly operation: Exclude<XksOperationName, 'GetHealthStatus'>;
      readonly externalKeyId: string;
    };

/** What every path of the XKS proxy has in it, of whatever version. */
const mark = '/kms/xks/';
const version = 'v1';
const maxPrefix = 117;
const prefixForm = /^(?:(?:\/[A-Za-z0-9_-]+)+)?$/;
/** A key is never called `.` or `..`: to whatever stands in front, and to a signature, such a path is another. */
const rest = /^keys\/((?!\.{1,2}\/)[A-Za-z0-9._-]{1,128})\/(metadata|encrypt|decrypt)$/;
const operations = { metadata: 'GetKeyMetadata', encrypt: 'Encrypt', decrypt: 'Decrypt' } as const;

/** Takes a request target apart. Undefined for what is no URI of the API; a query is no part of any. */
export function parseXksPath(url: string): XksPath | undefined {
  const at = url.indexOf(mark);
  const prefix = url.slice(0, at);
  if (at < 0 || at > maxPrefix || !prefixForm.test(prefix)) return undefined;
  const start = at + mark.length;
  if (!url.startsWith(`${version}/`, start)) return undefined;
  const tail = url.slice(start + version.length + 1);
  if (tail === 'health') return { prefix, operation: 'GetHealthStatus' };
  const [, externalKeyId, word] = rest.exec(tail) ?? [];
  if (externalKeyId === undefined) return undefined;
  return { prefix, operation: operations[word as keyof typeof operations], externalKeyId };
}
