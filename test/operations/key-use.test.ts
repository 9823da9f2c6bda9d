import { keyUse, requestMetadata } from '../../src/operations/key-use';
import type { Principal } from '../../src/policy/principal';
import {
  accountId,
  callFacts,
  keyWith,
  otherAccountId,
  place,
  userOf,
} from '../support/sample-keys';

const zone = { vpcId: 'vpc-1234', vpceId: 'vpce-5678' };
const key = keyWith();

function facts(caller: Principal) {
  const origin = { ...callFacts.origin, zone };
  return { caller, origin, requestId: 'the-request', services: { place } as never };
}

const ofRequest = {
  kmsRequestId: 'the-request',
  kmsOperation: 'Decrypt',
  kmsKeyArn: key.arn,
  kmsViaService: undefined,
};

test('A proxy is told who asks, for what, and from which network', () => {
  const alice = userOf(accountId, 'Alice');
  const use = keyUse('Decrypt', facts(alice), { purpose: 'test' });
  expect(use.context).toEqual({ purpose: 'test' });
  expect(use.about(key)).toEqual({
    ...ofRequest,
    awsPrincipalArn: alice.arn,
    awsSourceVpc: 'vpc-1234',
    awsSourceVpce: 'vpce-5678',
  });
});

test('It is not told the network of a caller of another account', () => {
  const mallory = userOf(otherAccountId, 'Mallory');
  expect(keyUse('Decrypt', facts(mallory), undefined).about(key)).toEqual({
    ...ofRequest,
    awsPrincipalArn: mallory.arn,
    awsSourceVpc: undefined,
    awsSourceVpce: undefined,
  });
});

test('It is told the service that calls on behalf of the caller', () => {
  const session = {
    issuedAt: callFacts.now,
    expiresAt: callFacts.now,
    policies: [],
    tags: {},
    transitiveTagKeys: [],
    via: 's3.amazonaws.com',
  };
  const caller = { ...userOf(accountId, 'Alice'), session };
  expect(keyUse('Decrypt', facts(caller), undefined).about(key)).toMatchObject({
    awsPrincipalArn: caller.arn,
    kmsViaService: 's3.us-east-1.amazonaws.com',
  });
});

test('CreateKey has no key yet', () => {
  const alice = userOf(accountId, 'Alice');
  expect(requestMetadata('CreateKey', facts(alice))).toMatchObject({
    kmsOperation: 'CreateKey',
    kmsKeyArn: undefined,
    awsSourceVpc: 'vpc-1234',
  });
});
