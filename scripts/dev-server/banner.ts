import type { ClientFiles } from './credentials';

/** What a caller's shell may have set that would go before our files. */
const overriding = [
  'AWS_ACCESS_KEY_ID',
  'AWS_SECRET_ACCESS_KEY',
  'AWS_SESSION_TOKEN',
  'AWS_PROFILE',
  'AWS_REGION',
  'AWS_DEFAULT_REGION',
];

/** Where the daemon answers. */
export interface Addresses {
  readonly url: string;
  /** Of the XKS proxy, where that has a port of its own. */
  readonly xksUrl: string | undefined;
  /** Of the header with an API token, where there is one. */
  readonly tokenHeader: string | undefined;
  /** PEM: the authority that vouches for that, where it is one of our own. */
  readonly caFile: string | undefined;
}

/** Lines to paste into another shell; `url` is also given to the command, for an AWS CLI that knows no endpoint_url. */
export function banner(files: ClientFiles, { url, tokenHeader, ...xks }: Addresses): string {
  const lines = [
    '',
    'In another shell:',
    `  unset ${overriding.join(' ')}`,
    `  export AWS_CONFIG_FILE=${quote(files.config)}`,
    `  export AWS_SHARED_CREDENTIALS_FILE=${quote(files.credentials)}`,
    `  aws kms create-key --endpoint-url ${url}`,
    `  aws kms list-keys --endpoint-url ${url}`,
    '',
    ...restLines(url, tokenHeader),
    ...xksLines(xks),
    'Ctrl-C stops it; keys and credentials are kept.',
  ];
  return `${lines.join('\n')}\n`;
}

function restLines(url: string, tokenHeader: string | undefined): readonly string[] {
  if (tokenHeader === undefined) return [];
  return [
    'The REST API, with an API token in place of a signature:',
    `  curl -H ${quote(`@${tokenHeader}`)} ${url}/v1/keys`,
    '',
  ];
}

function xksLines({ xksUrl, caFile }: Pick<Addresses, 'xksUrl' | 'caFile'>): readonly string[] {
  if (xksUrl === undefined) return [];
  const believed = caFile === undefined ? '' : `--cacert ${quote(caFile)} `;
  return [
    `The XKS proxy, which AWS KMS would call, is at ${xksUrl} (docs/xks.md):`,
    `  curl ${believed}${xksUrl}/ping`,
    '  scripts/claviger xks --help',
    '',
  ];
}

/** A word for a POSIX shell. */
export function quote(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
