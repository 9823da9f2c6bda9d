import { type ServiceEvent, auditLine, serviceEventRecord } from '../../src/audit';

const arn = 'arn:aws:kms:us-east-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab';

const event: ServiceEvent = {
  completedAt: new Date('2026-08-10T22:38:27.999Z'),
  eventId: '91041475-a80b-4f8e-a6d9-d41ef5ae7a3d',
  eventName: 'DeleteKey',
  region: 'us-east-1',
  accountId: '111122223333',
  resources: [{ accountId: '111122223333', arn }],
};

test('What the service did by itself has the members of CloudTrail in its order', () => {
  expect(auditLine(serviceEventRecord(event))).toBe(
    '{"eventVersion":"1.11","userIdentity":{"accountId":"111122223333","invokedBy":"AWS Internal"},' +
      '"eventTime":"2026-08-10T22:38:27Z","eventSource":"kms.amazonaws.com","eventName":"DeleteKey",' +
      '"awsRegion":"us-east-1","sourceIPAddress":"AWS Internal","userAgent":"AWS Internal",' +
      '"requestParameters":null,"responseElements":null,' +
      '"eventID":"91041475-a80b-4f8e-a6d9-d41ef5ae7a3d","readOnly":false,' +
      `"resources":[{"accountId":"111122223333","type":"AWS::KMS::Key","ARN":"${arn}"}],` +
      '"eventType":"AwsServiceEvent","managementEvent":true,"recipientAccountId":"111122223333",' +
      '"eventCategory":"Management"}',
  );
});

test('Details stand there where an event has some', () => {
  const details = { keyId: '1234abcd-12ab-34cd-56ef-1234567890ab' };
  expect(serviceEventRecord({ ...event, details })).toMatchObject({ serviceEventDetails: details });
  expect(serviceEventRecord(event)).not.toHaveProperty('serviceEventDetails');
});
