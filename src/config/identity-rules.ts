import type { SubjectAttribute } from '../auth/certificate';
import type {
  CertificatePattern,
  CertificateRule,
  IdentityRules,
  IdentityTarget,
  RoleTarget,
  TokenRule,
} from '../auth/identity-rules';
import { faultOf, readJsonFile } from './json-file';

interface CertificateEntry {
  readonly uri?: string;
  readonly dns?: string;
  readonly subject?: string;
  readonly principal: string;
}

interface TokenEntry extends Omit<TokenRule, 'target'> {
  readonly role: string;
}

interface Entries {
  readonly certificates?: readonly CertificateEntry[];
  readonly tokens?: readonly TokenEntry[];
}

const text = { type: 'string', minLength: 1, maxLength: 2048 } as const;

const schema = {
  type: 'object',
  additionalProperties: false,
  properties: {
    certificates: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        required: ['principal'],
        properties: { uri: text, dns: text, subject: text, principal: text },
      },
    },
    tokens: {
      type: 'array',
      items: {
        type: 'object',
        additionalProperties: false,
        // An issuer such as a public CI service signs for the whole world: what it says must be looked at.
        required: ['issuer', 'audiences', 'claims', 'role'],
        properties: {
          issuer: text,
          audiences: { type: 'array', minItems: 1, items: text },
          claims: { type: 'object', minProperties: 1, additionalProperties: text },
          role: text,
        },
      },
    },
  },
} as const;

/**
 * Reads the file of identity rules. Throws ConfigError that names the file and every fault's place in it by JSON pointer.
 */
export function readIdentityRules(variable: string, file: string): IdentityRules {
  const fault = faultOf(variable, file);
  const document = readJsonFile(file, schema, fault) as Entries;
  const faults: string[] = [];
  const collect = <E, R>(
    entries: readonly E[] | undefined,
    at: string,
    read: (entry: E) => R,
  ): R[] =>
    (entries ?? []).flatMap((entry, index) => {
      try {
        return [read(entry)];
      } catch (error) {
        if (!(error instanceof EntryFault)) throw error;
        faults.push(`/${[at, index, ...error.members].join('/')} ${error.message}`);
        return [];
      }
    });
  const rules = {
    certificates: collect(document.certificates, 'certificates', readCertificateRule),
    tokens: collect(document.tokens, 'tokens', readTokenRule),
  };
  if (faults.length > 0) throw fault(faults.join('; '));
  return rules;
}

/** One entry is wrong, or one member of it. */
class EntryFault extends Error {
  readonly members: readonly string[];

  constructor(member: string | undefined, message: string) {
    super(message);
    this.members = member === undefined ? [] : [member];
  }
}

function readCertificateRule(entry: CertificateEntry): CertificateRule {
  return { certificate: readPattern(entry), target: readTarget('principal', entry.principal) };
}

function readPattern({ uri, dns, subject }: CertificateEntry): CertificatePattern {
  if ([uri, dns, subject].filter((pattern) => pattern !== undefined).length !== 1) {
    throw new EntryFault(undefined, "must have one of 'uri', 'dns' and 'subject'");
  }
  if (uri !== undefined) return { uri };
  if (dns !== undefined) return { dns };
  return { subject: readSubject(subject ?? '') };
}

/** `CN=backup,O=Example`; a backslash goes before a comma, plus or backslash of a value (RFC 4514 §2.4). */
function readSubject(subject: string): SubjectAttribute[] {
  return splitSubject(subject).map((part) => {
    const [, type, value] = attribute.exec(part.trim()) ?? [];
    if (type === undefined || value === undefined) {
      throw new EntryFault('subject', 'must be a list of attributes such as CN=backup,O=Example');
    }
    return { type, value: value.replace(/\\(.)/gs, '$1') };
  });
}

const attribute = /^([A-Za-z][A-Za-z0-9-]*|\d+(?:\.\d+)+)\s*=\s*((?:\\.|[^\\+])+)$/s;

/** At the commas without a backslash before them. */
function splitSubject(subject: string): string[] {
  const parts = [''];
  for (const [piece] of subject.matchAll(/\\.|[^]/gs)) {
    if (piece === ',') parts.push('');
    else parts.push((parts.pop() ?? '') + piece);
  }
  return parts;
}

function readTokenRule({ role, issuer, audiences, claims }: TokenEntry): TokenRule {
  if (!isIssuer(issuer)) {
    throw new EntryFault('issuer', 'must be an https URL without a query');
  }
  const target = readTarget('role', role);
  if (!isRole(target)) throw new EntryFault('role', 'must be the ARN of a role');
  return { issuer, audiences, claims, target };
}

function isRole(target: IdentityTarget): target is RoleTarget {
  return target.kind === 'role';
}

/** Keys fetched in the clear could be anybody's, except from this machine. */
function isIssuer(issuer: string): boolean {
  if (!URL.canParse(issuer) || /[?#@]/.test(issuer)) return false;
  const { protocol, hostname } = new URL(issuer);
  return protocol === 'https:' || (protocol === 'http:' && isLoopbackName(hostname));
}

function isLoopbackName(hostname: string): boolean {
  return ['localhost', '127.0.0.1', '[::1]'].includes(hostname);
}

const entityArn = /^arn:[a-z-]+:iam::\d{12}:(role|user)\/[!-~]+$/;
const serviceName = /^[a-z0-9-]+(?:\.[a-z0-9-]+)+$/;

/** An account's root is never what a certificate or token stands for: its access keys are locked away for a reason. */
function readTarget(member: string, principal: string): IdentityTarget {
  const kind = entityArn.exec(principal)?.[1];
  if (kind === 'role' || kind === 'user') return { kind, arn: principal };
  if (serviceName.test(principal)) return { kind: 'service', name: principal };
  throw new EntryFault(
    member,
    /:root$|^\d{12}$/.test(principal)
      ? "must not be an account's root"
      : 'must be the ARN of a role or user, or the name of a registered service',
  );
}
