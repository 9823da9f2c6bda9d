import { KmsError } from '../errors';
import type { Principal } from '../policy/principal';
import { type SigV4Options, authenticate } from './sigv4';
import { decode, readQuery } from './sigv4-canonical';
import { parseSigningTime } from './sigv4-clock';

/** Header of a presigned request that says which service it is for; it is signed, so nobody else can use it. */
const serviceHeader = 'x-claviger-service';

/** A presigned request is taken for this long after it was signed, whatever it says of itself. */
const maxAgeSeconds = 300;

const fixedParameters: ReadonlyMap<string, string> = new Map([
  ['Action', 'GetCallerIdentity'],
  ['Version', '2011-06-15'],
]);

/**
 * Presigned GetCallerIdentity requests: whoever signed one for a service has called that service. The header that names
 * the service is not in the URL: it is set to whoever presents the URL, so that a URL for another service fails.
 */
export class PresignedCallers {
  /** @param options scoped to STS. */
  constructor(private readonly options: SigV4Options<Principal>) {}

  /** Throws ValidationException, ExpiredTokenException or AccessDeniedException. */
  async identify(url: string, service: string): Promise<Principal> {
    const { host, target, signedAt } = read(url);
    if (signedAt < Math.floor(this.options.now() / 1000) - maxAgeSeconds) throw tooOld();
    const principal = await this.authenticate({ host, target }, service);
    if (principal.kind === 'service' || principal.session?.via !== undefined) {
      throw new KmsError(
        'AccessDeniedException',
        'PresignedCallerIdentity is of a service, or of a forwarded session: neither can be forwarded.',
      );
    }
    return principal;
  }

  private async authenticate(
    { host, target }: Pick<Presigned, 'host' | 'target'>,
    service: string,
  ): Promise<Principal> {
    try {
      const credential = await authenticate(
        {
          method: 'GET',
          url: target,
          rawHeaders: ['host', host, serviceHeader, service],
          body: Buffer.alloc(0),
        },
        this.options,
      );
      return credential.principal;
    } catch (cause) {
      if (!(cause instanceof KmsError)) throw cause;
      // Why is not said: whoever presents a URL need not learn whose keys are good.
      throw new KmsError(
        'AccessDeniedException',
        `PresignedCallerIdentity proves no caller of ${service}.`,
        { cause },
      );
    }
  }
}

interface Presigned {
  readonly host: string;
  /** Path and query, as signed. */
  readonly target: string;
  /** Seconds since the epoch. */
  readonly signedAt: number;
}

const urlForm = /^https?:\/\/([^/?#@\s]{1,255})\/?\?([^#\s]+)$/;

function read(url: string): Presigned {
  const [, host = '', query = ''] = urlForm.exec(url) ?? [];
  const parameters = query === '' ? undefined : readQuery(query);
  if (parameters === undefined) throw malformed('it is no URL of one');
  const values = new Map<string, string>();
  for (const { name, value } of parameters) {
    if (values.has(name)) throw malformed(`it has ${name.slice(0, 64)} twice`);
    values.set(name, decode(value));
  }
  for (const [name, value] of fixedParameters) {
    if (values.get(name) !== value) throw malformed(`its ${name} is not ${value}`);
  }
  const signedHeaders = values.get('X-Amz-SignedHeaders')?.split(';') ?? [];
  if (!signedHeaders.includes(serviceHeader)) {
    throw malformed(`the header ${serviceHeader} is not signed`);
  }
  return { host, target: `/?${query}`, signedAt: signingTime(values.get('X-Amz-Date') ?? '') };
}

function signingTime(text: string): number {
  try {
    return parseSigningTime(text).seconds;
  } catch (cause) {
    throw malformed('its X-Amz-Date is no time', cause);
  }
}

function malformed(reason: string, cause?: unknown): KmsError {
  return new KmsError(
    'ValidationException',
    `PresignedCallerIdentity is no presigned GetCallerIdentity: ${reason}.`,
    { cause },
  );
}

function tooOld(): KmsError {
  return new KmsError(
    'ExpiredTokenException',
    'PresignedCallerIdentity has expired: it is good for 5 minutes.',
  );
}
