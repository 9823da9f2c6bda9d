import fc from 'fast-check';
import {
  type OperationName,
  type OperationOutputs,
  escapeXml,
  operationNamesOf,
  operationShapes,
  writeXml,
} from '../../src/shapes';
import { valuesOf } from './arbitraries';
import { knownToSdk, readBySdk } from './query-sdk';

const envelope = {
  namespace: 'https://iam.amazonaws.com/doc/2010-05-08/',
  requestId: 'the-request',
};

const names: readonly OperationName[] = [...operationNamesOf('iam'), ...operationNamesOf('sts')];

function outputsOf(name: OperationName): fc.Arbitrary<OperationOutputs[OperationName]> {
  const { output } = operationShapes[name];
  const values = output === undefined ? fc.constant({}) : valuesOf(output);
  return values as fc.Arbitrary<OperationOutputs[OperationName]>;
}

/** What a reader can know of a value: times of whole seconds, texts of XML's characters, documents encoded. */
function readable(value: unknown, member = ''): unknown {
  if (value instanceof Date) return new Date(Math.floor(value.getTime() / 1000) * 1000);
  if (Array.isArray(value)) return value.map((one) => readable(one));
  if (typeof value === 'object' && value !== null) {
    const entries = Object.entries(value).map(([name, one]) => [name, readable(one, name)]);
    return Object.fromEntries(entries) as unknown;
  }
  if (typeof value !== 'string') return value;
  if (/^(PolicyDocument|Document|AssumeRolePolicyDocument)$/.test(member)) {
    return encodeURIComponent(value);
  }
  // The SDK takes a text of white space and line ends for the layout of the XML.
  if (value.trim() === '' && value.includes('\n')) return '';
  // eslint-disable-next-line no-control-regex
  return value.replace(/[\0-\x08\v\f\x0e-\x1f\ufffe\uffff]/g, '\ufffd');
}

test.each(names.filter(knownToSdk))('The AWS SDK reads the answer of %s', async (name) => {
  for (const output of fc.sample(outputsOf(name), 5)) {
    const { $metadata: _, ...read } = await readBySdk(name, writeXml(name, output, envelope));
    expect(read).toEqual(readable(output));
  }
});

test('An answer has the wrapper of its operation, in the namespace of its service', () => {
  const output = {
    UserId: '111122223333',
    Account: '111122223333',
    Arn: 'arn:aws:iam::111122223333:root',
  };
  const namespace = 'https://sts.amazonaws.com/doc/2011-06-15/';
  expect(writeXml('GetCallerIdentity', output, { ...envelope, namespace })).toBe(
    '<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">' +
      '<GetCallerIdentityResult><UserId>111122223333</UserId><Account>111122223333</Account>' +
      '<Arn>arn:aws:iam::111122223333:root</Arn></GetCallerIdentityResult>' +
      '<ResponseMetadata><RequestId>the-request</RequestId></ResponseMetadata>' +
      '</GetCallerIdentityResponse>',
  );
});

test('An operation without an output answers its request id alone', () => {
  expect(writeXml('DeleteUser', {}, envelope)).toBe(
    '<DeleteUserResponse xmlns="https://iam.amazonaws.com/doc/2010-05-08/">' +
      '<ResponseMetadata><RequestId>the-request</RequestId></ResponseMetadata></DeleteUserResponse>',
  );
});

test('Lists, maps, booleans and times are written as AWS writes them, and nothing that the shape does not name', () => {
  const user = {
    ...{ Path: '/', UserName: 'u', UserId: 'AIDACKCEVSQ6C2EXAMPLE', Arn: 'a', secret: 'x' },
    CreateDate: new Date('2026-01-02T03:04:05.999Z'),
  };
  expect(writeXml('ListUsers', { Users: [user], IsTruncated: false }, envelope)).toContain(
    '<Users><member><Path>/</Path><UserName>u</UserName><UserId>AIDACKCEVSQ6C2EXAMPLE</UserId>' +
      '<Arn>a</Arn><CreateDate>2026-01-02T03:04:05Z</CreateDate></member></Users>' +
      '<IsTruncated>false</IsTruncated>',
  );
  expect(writeXml('GetAccountSummary', { SummaryMap: { Users: 3 } as never }, envelope)).toContain(
    '<SummaryMap><entry><key>Users</key><value>3</value></entry></SummaryMap>',
  );
});

test('A policy document is percent-encoded by RFC 3986', () => {
  const output = { UserName: 'u', PolicyName: 'p', PolicyDocument: '{"a": "!\'()*~é"}\n' };
  expect(writeXml('GetUserPolicy', output, envelope)).toContain(
    '<PolicyDocument>%7B%22a%22%3A%20%22%21%27%28%29%2A~%C3%A9%22%7D%0A</PolicyDocument>',
  );
});

test.each([
  ['a<b>&"\'', 'a&lt;b&gt;&amp;"\''],
  [']]>', ']]&gt;'],
  ['a\r\n\tb', 'a&#xD;\n\tb'],
  ['a\0b\u001b[31m\u000b', 'a\ufffdb\ufffd[31m\ufffd'],
  ['\ufffe\uffff', '\ufffd\ufffd'],
  ['half \ud800 a pair \udc00', 'half \ufffd a pair \ufffd'],
  ['a whole 😀', 'a whole 😀'],
])('%j is written as %j', (text, written) => {
  expect(escapeXml(text)).toBe(written);
});
