import fc, { type Arbitrary } from 'fast-check';
import type { Shape } from '../../src/shapes/model';
import { shapeNamed } from '../../src/shapes/table';

/** Values of the shapes whose pattern and length bounds together are too narrow to meet by chance. */
const samples: Readonly<Record<string, readonly string[]>> = {
  AccountIdType: ['111122223333'],
  AliasNameType: ['alias/a', 'alias/aws/s3'],
  BackingKeyIdResponseType: ['0123456789abcdef'.repeat(4)],
  BackingKeyIdType: ['0123456789abcdef'.repeat(4)],
  CloudHsmClusterIdType: ['cluster-2222222222a'],
  GrantNameType: ['a', 'my/grant:name_1-2'],
  KeyIdType: ['k', 'alias/a', 'mrk-1234abcd12ab34cd56ef1234567890ab', '\u0000\u007f'],
  KeyMaterialDescriptionType: ['a', 'made on: 1-2_3/4.5\tin\nParis'],
  MarkerType: [' ', 'abc', 'ÿ'],
  PolicyNameType: ['default', 'a_1'],
  PolicyType: ['{}', '{\n\t"é": "ÿ"\r}'],
  PrincipalIdType: ['arn:aws:iam::111122223333:user/a+b=c,d.e@f'],
  RegionType: ['eu-west-1', 'us-gov-east-1'],
  XksKeyIdType: ['a-b_c.d'],
  XksProxyAuthenticationAccessKeyIdType: ['ABCDEFGHIJ234567ABCD'],
  XksProxyAuthenticationRawSecretAccessKeyType: ['aB3/+='.repeat(8)],
  XksProxyUriEndpointType: ['https://xks.example.com'],
  XksProxyUriPathType: ['/kms/xks/v1', '/a/b-c_d/kms/xks/v12'],
  XksProxyVpcEndpointServiceNameType: ['com.amazonaws.vpce.eu-west-1.vpce-svc-0a1b2c'],
  'iam.accessKeyIdType': ['AKIAIOSFODNN7EXAMPLE'],
  'iam.accountAliasType': ['a1b', 'my-account'],
  'iam.existingUserNameType': ['a', 'Alice+1=2,3.4@5-6_7'],
  'iam.groupNameType': ['team'],
  'iam.idType': ['AIDACKCEVSQ6C2EXAMPLE'],
  'iam.markerType': [' ', 'a+b/c==', 'ÿ&%'],
  'iam.pathPrefixType': ['/', '/a%20b&c=d+e'],
  'iam.pathType': ['/', '/a/b+c%2F&=/'],
  'iam.policyDocumentType': ['{}', '{\n\t"é": "ÿ + %41 <&>"\r}'],
  'iam.policyNameType': ['p', 'my+policy=1,2.3@4-5'],
  'iam.policyPathType': ['/', '/a+b/c@d/'],
  'iam.policyVersionIdType': ['v1', 'v12.a-b'],
  'iam.roleDescriptionType': ['', 'a\r\n\tb', '<é> & "ÿ"'],
  'iam.roleNameType': ['r', 'Role+1=2,3.4@5'],
  'iam.tagKeyType': ['k', 'ключ 1', 'a+b=c:/@._-'],
  'iam.tagValueType': ['', '𝟘 値', 'a+b=c:/@._-'],
  'iam.userNameType': ['u', 'User+1=2,3.4@5'],
  'sts.accessKeyIdType': ['ASIAIOSFODNN7EXAMPLE'],
  'sts.arnType': ['arn:aws:iam::111122223333:role/a+b=c,d.e@f', 'arn:aws:iam::aws:policy/é<&>'],
  'sts.assumedRoleIdType': ['AROACKCEVSQ6C2EXAMPLE:session'],
  'sts.externalIdType': ['12', 'a+b=c,d.e@f:g/h-i'],
  'sts.roleSessionNameType': ['ab', 'a+b=c,d.e@f-g'],
  'sts.serialNumberType': ['arn:aws:iam::111122223333:mfa/alice'],
  'sts.sessionPolicyDocumentType': ['{}', '{\n\t"é": "ÿ + %41 <&>"\r}'],
  'sts.sourceIdentityType': ['ab', 'a+b=c,d.e@f-g'],
  'sts.tagKeyType': ['k', 'ключ 1', 'a+b=c:/@._-'],
  'sts.tagValueType': ['', '𝟘 値', 'a+b=c:/@._-'],
  'sts.tokenCodeType': ['123456', '000000'],
  'sts.unrestrictedSessionPolicyDocumentType': ['{}', '{\n\t"é": "ÿ + %41 <&>"\r}'],
};

/** Values that satisfy every constraint of a shape, as TypeScript has them: Buffers, Dates, absent members. */
export function valuesOf(name: string): Arbitrary<unknown> {
  const listed = samples[name];
  if (listed !== undefined) return fc.constantFrom(...listed);
  const shape = shapeNamed(name);
  return makers[shape.type](shape as never);
}

const makers: {
  readonly [T in Shape['type']]: (shape: Extract<Shape, { type: T }>) => Arbitrary<unknown>;
} = {
  string: ({ min, max, enum: values }) =>
    values === undefined
      ? fc.string({ unit: 'binary', minLength: min ?? 0, maxLength: Math.min(max ?? 40, 40) })
      : fc.constantFrom(...values),
  blob: ({ min, max }) =>
    fc
      .uint8Array({ minLength: min ?? 0, maxLength: Math.min(max ?? 60, 60) })
      .map((bytes) => Buffer.from(bytes)),
  integer: ({ min, max }) => fc.integer({ min: min ?? -5, max: max ?? 5 }),
  boolean: () => fc.boolean(),
  timestamp: () => fc.integer({ min: 0, max: 4e12 }).map((milliseconds) => new Date(milliseconds)),
  list: ({ member, min }) => fc.array(valuesOf(member), { minLength: min ?? 0, maxLength: 3 }),
  map: ({ key, value }) =>
    fc.dictionary(valuesOf(key) as Arbitrary<string>, valuesOf(value), { maxKeys: 3 }),
  structure: ({ members, required }) =>
    fc.record(
      Object.fromEntries(Object.entries(members).map(([member, to]) => [member, valuesOf(to)])),
      { requiredKeys: [...(required ?? [])] },
    ),
};

/** The JSON value that stands for a TypeScript value on the wire. */
export function wireForm(value: unknown): unknown {
  if (Buffer.isBuffer(value)) return value.toString('base64');
  if (value instanceof Date) return value.getTime() / 1000;
  if (Array.isArray(value)) return value.map(wireForm);
  if (typeof value !== 'object' || value === null) return value;
  const entries = Object.entries(value).map(([key, one]): [string, unknown] => [
    key,
    wireForm(one),
  ]);
  return Object.fromEntries(entries);
}
