import type { TestDaemon } from '../support/daemon';
import { type Reply, send, signed } from '../support/wire';
import {
  type QueryTarget,
  form,
  identity,
  inside,
  region,
  sender,
  startQueryTarget,
} from './query-target';

let target: QueryTarget;
let daemon: TestDaemon;
let before: unknown;

beforeAll(async () => {
  target = await startQueryTarget();
  ({ daemon } = target);
  before = await target.state();
});
afterAll(() => daemon.remove());

const post: QueryTarget['post'] = (body, options) => target.post(body, options);
const refusal: QueryTarget['refusal'] = (reply) => target.refusal(reply);

describe('actions and versions', () => {
  test.each([
    ['', 'MissingAction', 'The request is missing an action or a required parameter.'],
    [
      'Version=2011-06-15',
      'MissingAction',
      'The request is missing an action or a required parameter.',
    ],
    [
      'Action=GetUser',
      'InvalidAction',
      'Could not find operation GetUser for version NO_VERSION_SPECIFIED',
    ],
    ['Action=GetUser&Version=', 'InvalidAction', 'Could not find operation GetUser for version '],
    [
      'Action=GetUser&Version=2011-06-15',
      'InvalidAction',
      'Could not find operation GetUser for version 2011-06-15',
    ],
    [
      'Action=GetFederationToken&Version=2011-06-15&Name=x',
      'InvalidAction',
      'Could not find operation GetFederationToken for version 2011-06-15',
    ],
    [
      'Action=CreateSAMLProvider&Version=2010-05-08',
      'InvalidAction',
      'Could not find operation CreateSAMLProvider for version 2010-05-08',
    ],
    [
      'Action=Encrypt&Version=2010-05-08',
      'InvalidAction',
      'Could not find operation Encrypt for version 2010-05-08',
    ],
    [
      'Action=__proto__&Version=2010-05-08',
      'InvalidAction',
      'Could not find operation __proto__ for version 2010-05-08',
    ],
    [
      'Action=%3Cscript%3E%00&Version=2010-05-08',
      'InvalidAction',
      'Could not find operation &lt;script&gt;\ufffd for version 2010-05-08',
    ],
    [
      `Action=${'A'.repeat(5000)}&Version=${'1'.repeat(5000)}`,
      'InvalidAction',
      `Could not find operation ${'A'.repeat(128)} for version ${'1'.repeat(128)}`,
    ],
  ])('%.80s is refused with %s', async (body, code, message) => {
    expect(await refusal(await post(body))).toMatchObject(sender(400, code, message));
  });
});

describe('forms', () => {
  const iam = (body: string): Promise<Reply> =>
    post(`Version=2010-05-08&${body}`, { service: 'iam' });
  const unreadable = 'The form of the request cannot be read: ';

  test.each([
    [
      'a parameter twice',
      'Action=CreateUser&UserName=eve&UserName=bob',
      `${unreadable}a parameter comes twice.`,
    ],
    [
      'a broken escape',
      'Action=CreateUser&UserName=%e',
      `${unreadable}its percent-encoding is broken, or not of UTF-8.`,
    ],
    [
      'bytes that are not UTF-8',
      'Action=CreateUser&UserName=%ff',
      `${unreadable}its percent-encoding is broken, or not of UTF-8.`,
    ],
    [
      'too many parameters',
      `Action=CreateUser&UserName=eve${'&'.repeat(5000)}`,
      `${unreadable}it has more than 4096 parameters.`,
    ],
    [
      'a gap in a list',
      'Action=CreateUser&UserName=eve&Tags.member.2.Key=k',
      'A list has no element 1 but later ones',
    ],
    [
      'a huge position',
      'Action=CreateUser&UserName=eve&Tags.member.4294967296.Key=k',
      'The elements of a list must be named member.1, member.2 and on',
    ],
    [
      'a list of a thousand and one',
      `Action=CreateUser&UserName=eve${Array.from({ length: 1001 }, (_, i) => `&Tags.member.${i + 1}.Key=k`).join('')}`,
      'A list has more than 1000 elements',
    ],
    [
      'nesting without end',
      `Action=CreateUser&UserName=eve&${'a.'.repeat(10_000)}=1`,
      'The name of a parameter has more than 16 parts',
    ],
    [
      'a prototype',
      'Action=CreateUser&UserName=eve&Tags.member.__proto__.Key=k',
      'The elements of a list must be named member.1, member.2 and on',
    ],
    [
      'members of a text',
      'Action=CreateUser&UserName.x=eve',
      'Start of structure or map found where not expected',
    ],
    [
      'a number that is none',
      'Action=ListUsers&MaxItems=0x10',
      'STRING_VALUE cannot be converted to Integer',
    ],
  ])('%s is refused', async (_, body, message) => {
    expect(await refusal(await iam(body))).toMatchObject(sender(400, 'MalformedInput', message));
  });

  test('violations of the model are a validation error that names them all', async () => {
    expect(await refusal(await iam('Action=CreateUser&Path=x&Tags.member.1.Key=k'))).toMatchObject({
      ...sender(
        400,
        'ValidationError',
        "3 validation errors detected: Value null at 'userName' failed to satisfy constraint: Member must not be null; " +
          "Value 'x' at 'path' failed to satisfy constraint: Member must satisfy regular expression pattern: " +
          '(\\u002F)|(\\u002F[\\u0021-\\u007E]+\\u002F); ' +
          "Value null at 'tags.1.member.value' failed to satisfy constraint: Member must not be null",
      ),
      recorded: { error: 'ValidationException', source: 'iam.amazonaws.com' },
    });
  });

  test('a body that is too large is refused whatever it says', async () => {
    const body = `${identity}&Padding=${'x'.repeat(1_048_576)}`;
    expect(await refusal(await post(body))).toMatchObject(
      sender(
        413,
        'RequestEntityTooLarge',
        'The request body must have length less than or equal to 1048576 bytes.',
      ),
    );
  });

  test.each(['PUT', 'DELETE', 'PATCH'])('%s is no method of this protocol', async (method) => {
    const sent = await signed(
      daemon,
      { method, headers: { 'content-type': form }, body: identity },
      { region, service: 'sts' },
    );
    expect(await refusal(await send(daemon, sent))).toMatchObject(
      sender(400, 'InvalidAction', `The method ${method} is not supported.`),
    );
  });

  test.each(['text/plain', 'application/json', 'multipart/form-data; boundary=x'])(
    'a body of %s is not of this protocol',
    async (type) => {
      const sent = await signed(
        daemon,
        { headers: { 'content-type': type }, body: identity },
        { region, service: 'sts' },
      );
      const { status, text } = await send(daemon, sent);
      expect([status, JSON.parse(text)]).toEqual([400, { __type: 'UnknownOperationException' }]);
    },
  );

  test('a form with a target is of AWS JSON, and refused there', async () => {
    const headers = { 'x-amz-target': 'TrentService.ListKeys' };
    const { status, text } = await post(identity, { headers });
    expect([status, JSON.parse(text)]).toEqual([400, { __type: 'UnknownOperationException' }]);
  });
});

test('After all of it nothing has changed, and the daemon serves', async () => {
  expect(await target.state()).toEqual(before);
  expect(inside((await post(identity)).text, 'Account')).toBe(daemon.accountId);
});
