import type { IncomingHttpHeaders } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { type SignOptions, sign } from '../auth/sigv4-signing';

/** What signs XKS requests. */
export interface XksCredential {
  readonly accessKeyId: string;
  readonly secret: string;
}

/** Where an XKS proxy is. */
export interface XksAddress {
  /** `https://127.0.0.1:<port>` */
  readonly endpoint: string;
  /** PEM of the authority, or of the certificate itself. */
  readonly ca: string;
  readonly region: string;
}

export interface XksReply {
  readonly status: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
}

export interface XksSent {
  readonly method: string;
  readonly url: string;
  readonly rawHeaders: readonly string[];
  readonly body: Buffer;
}

export interface XksSigning extends SignOptions {
  readonly credential?: XksCredential;
  readonly method?: string;
  readonly headers?: Readonly<Record<string, string>>;
}

/** AWS KMS, as an XKS proxy sees it: signs and sends requests to one store. */
export class XksCaller {
  private readonly agent: Agent;

  constructor(
    private readonly address: XksAddress,
    readonly prefix: string,
    readonly credential: XksCredential,
  ) {
    this.agent = new Agent({ ca: address.ca, keepAlive: true });
  }

  /** Signed as AWS KMS does it: host and x-amz-date alone. */
  async signed(path: string, body: object | string, signing: XksSigning = {}): Promise<XksSent> {
    const { credential = this.credential, method = 'POST', headers = {}, ...options } = signing;
    const text = typeof body === 'string' ? body : JSON.stringify(body);
    const { host } = new URL(this.address.endpoint);
    const request = await sign(
      { method, path, headers: { host, ...headers }, body: text },
      {
        ...{ accessKeyId: credential.accessKeyId, secret: credential.secret, at: Date.now() },
        ...{ region: this.address.region, service: 'kms-xks-proxy', checksum: false },
        ...options,
      },
    );
    const type = 'content-type' in headers ? [] : ['content-type', 'application/json'];
    const rest = [...type, 'content-length', String(request.body.length)];
    return { ...request, rawHeaders: [...request.rawHeaders, ...rest] };
  }

  send({ method, url: path, rawHeaders, body }: XksSent): Promise<XksReply> {
    const { hostname: host, port } = new URL(this.address.endpoint);
    return new Promise((resolve, reject) => {
      const options = { host, port, method, path, agent: this.agent, servername: '' };
      const req = httpsRequest({ ...options, headers: [...rawHeaders] }, (res) => {
        const chunks: Buffer[] = [];
        res.on('data', (chunk: Buffer) => chunks.push(chunk));
        res.on('error', reject);
        res.on('end', () => {
          const text = Buffer.concat(chunks).toString('utf8');
          resolve({ status: res.statusCode ?? 0, headers: res.headers, text });
        });
      });
      req.on('error', reject);
      req.end(body);
    });
  }

  /** Calls what is below `…/kms/xks/v1/`. */
  async call(tail: string, body: object | string, signing: XksSigning = {}): Promise<XksReply> {
    return this.send(await this.signed(`${this.prefix}/kms/xks/v1/${tail}`, body, signing));
  }

  close(): void {
    this.agent.destroy();
  }
}
