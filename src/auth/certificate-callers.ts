import type { Awaitable } from '../awaitable';
import type { Principal } from '../policy/principal';
import type { ClientCertificate } from './certificate';
import { type CertificateRule, matchCertificate, sessionNameOf } from './identity-rules';
import { type RulePrincipal, type RulePrincipals, asCaller, nameOf } from './rule-principals';
import { refusal } from './sigv4-errors';

interface Parts {
  readonly rules: readonly CertificateRule[];
  readonly principals: Pick<RulePrincipals, 'find'>;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Told why a certificate was refused, which its holder is not. */
  readonly onRefused: (reason: unknown) => void;
}

/** Who the holders of client certificates are. */
export class CertificateCallers {
  constructor(private readonly parts: Parts) {}

  /**
   * Undefined when no rule knows the certificate. Throws ExpiredToken when it ran out while its connection
   * stayed open, and UnrecognizedClientException when the principal that its rule names does not exist.
   */
  find(certificate: ClientCertificate): Awaitable<Principal> | undefined {
    const { rules, principals, now, onRefused } = this.parts;
    const match = matchCertificate(rules, certificate);
    if (match === undefined) return undefined;
    if (certificate.validTo.getTime() <= now()) throw refusal('expiredToken');
    const caller = (found: RulePrincipal | undefined): Principal => {
      if (found === undefined) {
        onRefused(new Error(`${nameOf(match.target)} does not exist`));
        throw refusal('unknownClient');
      }
      return asCaller(found, {
        sessionName: sessionNameOf(match.name),
        issuedAt: certificate.validFrom,
        expiresAt: certificate.validTo,
      });
    };
    const found = principals.find(match.target);
    return found instanceof Promise ? found.then(caller) : caller(found);
  }
}
