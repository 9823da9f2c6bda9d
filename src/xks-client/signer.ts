import { Secret } from '../auth/secret';
import { canonicalUri, payloadHash } from '../auth/sigv4-canonical';
import { basicIso } from '../auth/sigv4-clock';
import { SigningKey } from '../auth/sigv4-keys';
import { TERMINATOR } from '../auth/sigv4-signer';

const service = 'kms-xks-proxy';
const signedHeaders = 'host;x-amz-date';
const dateLength = 'YYYYMMDD'.length;

export interface SignerOptions {
  readonly accessKeyId: string;
  readonly region: string;
  /** The Host header. */
  readonly host: string;
  /** Asked once a day, for the signing key; wiped here. */
  readonly secret: () => Promise<Buffer>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
}

/** SigV4 as AWS KMS signs its requests to a proxy (xks-proxy §1.11): POST, no query, Host and X-Amz-Date signed. */
export class ProxySigner {
  private current: { readonly date: string; readonly key: Promise<SigningKey> } | undefined;

  constructor(private readonly options: SignerOptions) {}

  async sign(path: string, body: Buffer): Promise<Readonly<Record<string, string>>> {
    const { accessKeyId, host, region, now } = this.options;
    const iso = basicIso(Math.floor(now() / 1000));
    const date = iso.slice(0, dateLength);
    const key = await this.keyOf(date);
    const canonicalRequest = [
      'POST',
      canonicalUri(path),
      '',
      `host:${host}`,
      `x-amz-date:${iso}`,
      '',
      signedHeaders,
      payloadHash(body),
    ].join('\n');
    const credential = `${accessKeyId}/${date}/${region}/${service}/${TERMINATOR}`;
    return {
      host,
      'x-amz-date': iso,
      authorization: `AWS4-HMAC-SHA256 Credential=${credential}, SignedHeaders=${signedHeaders}, Signature=${key.sign(iso, canonicalRequest)}`,
    };
  }

  private keyOf(date: string): Promise<SigningKey> {
    if (this.current?.date === date) return this.current.key;
    const key = this.derive(date);
    this.current = { date, key };
    key.catch(() => {
      if (this.current?.key === key) this.current = undefined;
    });
    return key;
  }

  private async derive(date: string): Promise<SigningKey> {
    const bytes = await this.options.secret();
    const secret = new Secret(bytes);
    bytes.fill(0);
    try {
      return new SigningKey(secret, { date, region: this.options.region, service });
    } finally {
      secret.wipe();
    }
  }
}
