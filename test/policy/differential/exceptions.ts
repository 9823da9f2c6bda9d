import { type Case, type ConditionBlock, type Document, type Statement, rootArn } from './cases';
import type { Verdict } from './judge';

/** Where the judge is known to see a case otherwise. */
export interface Exception {
  readonly name: string;
  /** Why ours is AWS's decision, and where that is written. */
  readonly reason: string;
  /**
   * The case as the judge sees it: ours decides it as the judge decides the case itself. It is changed in that one
   * respect, so that nothing else hides behind the exception.
   */
  readonly seen?: (one: Case) => Case;
  /** The same of what comes out: the judge's decision where ours is this. */
  readonly decided?: (verdict: Verdict) => Verdict;
}

type Values = readonly string[];

const negated = /^(?:For(?:Any|All)Values?:)?(?:String|Arn|Numeric|Date)?Not/;

export const exceptions: readonly Exception[] = [
  {
    name: 'a 2008 document has no variables',
    reason:
      'IAM User Guide, "IAM JSON policy elements: Version": with 2008-10-17 variables such as ${aws:username} are literal text. The judge replaces them in every version.',
    seen: (one) => mapDocuments(one, (document) => ({ ...document, Version: '2012-10-17' })),
  },
  {
    name: 'seconds since the epoch',
    reason:
      'IAM User Guide, "Date condition operators": epoch (UNIX) time, whose unit is the second. The judge reads milliseconds.',
    seen: (one) =>
      mapValues(one, /Date/, ({ values }) =>
        values.map((value) => (/^\d+$/.test(value) ? String(Number(value) / 1000) : value)),
      ),
  },
  {
    name: 'ForAnyValue with IfExists',
    reason:
      'IAM User Guide, "…IfExists condition operators": an element whose key is absent is true, whichever operator it ends. The judge forgets it behind ForAnyValue.',
    seen: (one) =>
      mapConditions(one, (condition) =>
        Object.fromEntries(
          Object.entries(condition).map(([operator, keys]) => [
            operator.startsWith('ForAnyValue:') ? operator.replace(/IfExists$/, '') : operator,
            keys,
          ]),
        ),
      ),
  },
  {
    name: 'the range of all IPv4 addresses',
    reason:
      'RFC 4632 §3.1: a prefix of no bits is shared by all. The judge shifts 32 bits by 32, which JavaScript does not, and takes 0.0.0.0 alone.',
    seen: (one) =>
      mapValues(one, /IpAddress/, ({ values }) =>
        values.map((value) => (value === '0.0.0.0/0' ? '0.0.0.0/32' : value)),
      ),
  },
  {
    name: 'IPv4-mapped IPv6 addresses',
    reason:
      'RFC 4291 §2.5.5.2: ::ffff:10.1.2.3 is the node 10.1.2.3, as a listener for both families sees it; AWS reports IPv4. The judge takes it for IPv6.',
    seen: (one) =>
      /^::ffff:/.test(String(one.context['aws:SourceIp']))
        ? { ...one, context: { ...one.context, 'aws:SourceIp': '2001:db9::1' } }
        : one,
  },
  {
    name: '${*} where there are no wildcards',
    reason:
      'IAM User Guide, "Policy variables: special characters": ${*}, ${?} and ${$} are the characters, in any string. The judge knows them beside wildcards only.',
    seen: (one) =>
      mapValues(one, /String(Not)?Equals/, ({ values }) =>
        values.map((value) => value.replaceAll('${*}', '${$}{*}')),
      ),
  },
  {
    name: 'negated operators and values that compare with nothing',
    reason:
      'IAM User Guide, "Policy variables with no value": inverted operators do match, as nothing is equal to or like a value that is not there; so for what is no ARN, and for an address of the other family. The judge fails the condition.',
    seen: (one) => mapConditions(one, (condition) => failNegated(condition, one.context)),
  },
  {
    name: 'NotResource and variables without a value',
    reason:
      'IAM User Guide, "Policy variables with no value": nothing is like it, so that a Deny of all else denies. The judge lets the statement go.',
    seen: (one) =>
      mapStatements(one, ({ NotResource, ...statement }) =>
        statement.Effect === 'Deny' &&
        listOf(NotResource).some((value) => isUnresolved(value, one.context))
          ? { ...statement, Resource: 'arn:aws:s3:::no-such-bucket' }
          : { ...statement, ...(NotResource !== undefined && { NotResource }) },
      ),
  },
  {
    name: 'NotPrincipal excepts the account, the role and the session',
    reason:
      'IAM User Guide, "NotPrincipal": with Deny the account, the role and the session are each asked, and must each be listed. The judge is content with one.',
    seen: (one) => ({ ...one, key: mapDocument(one.key, (s) => exceptWholly(s, one)) }),
  },
  {
    name: 'session policies and what names the session',
    reason:
      'IAM User Guide, "Policy evaluation for requests within a single account": what a resource-based policy grants to the session itself is not limited by an implicit deny in a session policy, nor is what it grants to everyone. The judge limits both.',
    decided: (verdict) =>
      verdict.session === 'ImplicitlyDenied' && verdict.overall === 'Allowed'
        ? { ...verdict, overall: 'ImplicitlyDenied' }
        : verdict,
  },
];

/** What the judge says of a case, if these exceptions and no others tell the two apart. */
export function asTheJudge(
  one: Case,
  decide: (one: Case) => Verdict,
  some: readonly Exception[] = exceptions,
): Verdict {
  const view = some.reduce((seen, exception) => exception.seen?.(seen) ?? seen, one);
  return some.reduce((verdict, { decided }) => decided?.(verdict) ?? verdict, decide(view));
}

function exceptWholly(statement: Statement, { caller }: Case): Statement {
  const except = statement['NotPrincipal'] as { AWS: unknown } | '*' | undefined;
  if (statement.Effect !== 'Deny' || except === undefined || except === '*') return statement;
  if (caller.account === undefined) return statement;
  const names = [caller.arn, ...(caller.role === undefined ? [] : [caller.role])];
  const accountNames = [rootArn(caller.account), caller.account];
  const listed = listOf(except.AWS);
  return listed.some((name) => [...names, ...accountNames].includes(name))
    ? {
        ...statement,
        NotPrincipal: { ...except, AWS: [...listed, ...names, rootArn(caller.account)] },
      }
    : statement;
}

/** A key with a value that compares with nothing is met only where it is absent, and behind ForAnyValue nowhere. */
function failNegated(condition: ConditionBlock, context: Case['context']): ConditionBlock {
  const kept: Record<string, Record<string, unknown>> = {};
  const put = (operator: string, key: string, values: unknown): void => {
    (kept[operator] ??= {})[key] = values;
  };
  for (const [operator, keys] of Object.entries(condition)) {
    for (const [key, values] of Object.entries(keys)) {
      const fails =
        negated.test(operator) &&
        listOf(values).some((value) => comparesWithNothing(operator, value, { key, context }));
      if (!fails || valueOf(key, context) === undefined) put(operator, key, values);
      else put('StringEquals', 'aws:NoSuchKey', 'x');
    }
  }
  return kept;
}

function comparesWithNothing(
  operator: string,
  value: string,
  { key, context }: { key: string; context: Case['context'] },
): boolean {
  if (operator.includes('Arn')) {
    const request = String(valueOf(key, context)).split(':');
    const reached = value.split(':', 5).every((part, i) => part === '*' || part === request[i]);
    return value.split(':').length < 6 || (reached && isUnresolved(value, context));
  }
  if (isUnresolved(value, context)) return true;
  const isBare = operator.includes('NotIpAddress') && !value.includes('/');
  return isBare && String(valueOf(key, context)).includes(':') !== value.includes(':');
}

function isUnresolved(value: string, context: Case['context']): boolean {
  return [...value.matchAll(/\$\{([^},]*)(,[^}]*)?\}/g)].some(([, key = '', fallback]) => {
    if ('*?$'.includes(key) || fallback !== undefined) return false;
    // An empty one is literal text to the judge, which equals nothing either.
    return typeof valueOf(key, context) !== 'string';
  });
}

function valueOf(key: string, context: Case['context']): string | string[] | undefined {
  const [, found] =
    Object.entries(context).find(([name]) => name.toLowerCase() === key.toLowerCase()) ?? [];
  return found;
}

function listOf(value: unknown): Values {
  return (value === undefined ? [] : Array.isArray(value) ? value : [value]) as Values;
}

function mapValues(
  one: Case,
  operators: RegExp,
  change: (asked: { key: string; values: Values }) => Values,
): Case {
  return mapConditions(one, (condition) =>
    Object.fromEntries(
      Object.entries(condition).map(([operator, keys]) => [
        operator,
        operators.test(operator)
          ? Object.fromEntries(
              Object.entries(keys).map(([key, values]) => [
                key,
                change({ key, values: listOf(values) }),
              ]),
            )
          : keys,
      ]),
    ),
  );
}

function mapConditions(one: Case, change: (condition: ConditionBlock) => ConditionBlock): Case {
  return mapStatements(one, (statement) =>
    statement.Condition === undefined
      ? statement
      : { ...statement, Condition: change(statement.Condition) },
  );
}

function mapStatements(one: Case, change: (statement: Statement) => Statement): Case {
  return mapDocuments(one, (document) => mapDocument(document, change));
}

function mapDocument(document: Document, change: (statement: Statement) => Statement): Document {
  return { ...document, Statement: document.Statement.map(change) };
}

function mapDocuments(one: Case, change: (document: Document) => Document): Case {
  return {
    ...one,
    identity: one.identity.map(change),
    boundary: one.boundary && change(one.boundary),
    session: one.session && change(one.session),
    key: change(one.key),
  };
}
