import { type Place, accountRootArn } from '../keys/identifiers';
import { formatPolicy } from './compile';
import { viaServiceName } from './via-service';

interface Wanted {
  readonly place: Place;
  readonly accountId: string;
  /** Principal name of the service. */
  readonly service: string;
}

/**
 * The policy of an AWS-managed key, as AWS writes those of its own services: the account's principals may use it through
 * the service, and look at it; nobody may manage it.
 */
export function managedKeyPolicy({ place, accountId, service }: Wanted): string {
  const [name = service] = service.split('.', 1);
  const document = {
    Version: '2012-10-17',
    Id: `auto-${name}-1`,
    Statement: [
      {
        Sid: `Allow access through ${service} for all principals in the account that are authorized to use it`,
        Effect: 'Allow',
        Principal: { AWS: '*' },
        Action: [
          'kms:Encrypt',
          'kms:Decrypt',
          'kms:ReEncrypt*',
          'kms:GenerateDataKey*',
          'kms:CreateGrant',
          'kms:DescribeKey',
        ],
        Resource: '*',
        Condition: {
          StringEquals: {
            'kms:CallerAccount': accountId,
            'kms:ViaService': viaServiceName(service, place.region),
          },
        },
      },
      {
        Sid: 'Allow direct access to key metadata to the account',
        Effect: 'Allow',
        Principal: { AWS: accountRootArn(place, accountId) },
        Action: ['kms:Describe*', 'kms:Get*', 'kms:List*', 'kms:RevokeGrant'],
        Resource: '*',
      },
    ],
  };
  return formatPolicy(JSON.stringify(document), place);
}
