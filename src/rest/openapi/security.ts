import type { Json } from './types';

/** The ways to prove who calls; one of them is enough. */
export const securitySchemes: Readonly<Record<string, Json>> = {
  apiToken: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'clv_…',
    description:
      'An API token, which a principal makes for itself by `POST /v1/api-tokens`. It is good until it expires or is deleted.',
  },
  jwt: {
    type: 'http',
    scheme: 'bearer',
    bearerFormat: 'JWT',
    description:
      'A token of an identity provider that the operator has configured. It stands for a role.',
  },
  mutualTls: {
    type: 'mutualTLS',
    description: 'A client certificate that the operator has given to a principal, over TLS.',
  },
  sigV4: {
    type: 'apiKey',
    in: 'header',
    name: 'Authorization',
    description:
      'A signature of AWS Signature Version 4 with an access key, for the service `kms` and the Region of this Claviger. ' +
      'Temporary credentials send their session token as `X-Amz-Security-Token`. A presigned URL will do too.',
    'x-amazon-apigateway-authtype': 'awsSigv4',
  },
};

export const security: readonly Json[] = Object.keys(securitySchemes).map((name) => ({
  [name]: [],
}));
