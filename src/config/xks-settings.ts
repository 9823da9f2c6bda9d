import { type Setting, milliseconds, port, text } from './setting';

/** Those of the XKS proxy, which AWS KMS calls. */
export const xksSettings = {
  xksPort: {
    env: 'CLAVIGER_XKS_PORT',
    schema: port,
    sentence:
      'Port of the XKS proxy, which AWS KMS calls; 0 takes a free one; without it the proxy is served at CLAVIGER_PORT.',
  },
  xksHost: {
    env: 'CLAVIGER_XKS_HOST',
    schema: text,
    sentence: 'Address to listen on at CLAVIGER_XKS_PORT; without it CLAVIGER_HOST.',
  },
  xksTlsCertFile: {
    env: 'CLAVIGER_XKS_TLS_CERT_FILE',
    schema: text,
    sentence:
      'PEM certificate chain at CLAVIGER_XKS_PORT, of a public authority where AWS KMS calls; without it CLAVIGER_TLS_CERT_FILE.',
  },
  xksTlsKeyFile: {
    env: 'CLAVIGER_XKS_TLS_KEY_FILE',
    schema: text,
    sentence: 'PEM private key of that certificate.',
  },
  xksClientCaFile: {
    env: 'CLAVIGER_XKS_CLIENT_CA_FILE',
    schema: text,
    sentence:
      'PEM certificates of the authorities of XKS clients (of AWS KMS: Amazon Trust Services); with it a connection to CLAVIGER_XKS_PORT needs a client certificate.',
  },
  xksClientSubject: {
    env: 'CLAVIGER_XKS_CLIENT_SUBJECT',
    schema: text,
    sentence:
      'The CN that the certificate of an XKS client must have, such as `cks.kms.us-east-1.amazonaws.com`; several by comma.',
  },
  xksPingPort: {
    env: 'CLAVIGER_XKS_PING_PORT',
    schema: port,
    sentence:
      'Port of a plain HTTP `GET /ping` for load balancers, beside the one at CLAVIGER_XKS_PORT; 0 takes a free one.',
  },
  xksDeadlineMs: {
    env: 'CLAVIGER_XKS_DEADLINE_MS',
    schema: milliseconds,
    default: 200,
    sentence:
      'Longest time from an XKS request to its answer, whatever it waits for; AWS KMS gives up after 250 ms, and its way here is part of them.',
  },
  xksKeepAliveTimeoutMs: {
    env: 'CLAVIGER_XKS_KEEP_ALIVE_TIMEOUT_MS',
    schema: milliseconds,
    default: 400_000,
    sentence:
      'Time an idle connection to CLAVIGER_XKS_PORT is kept; longer than the 350 s of a network load balancer before it.',
  },
} as const satisfies Record<string, Setting>;
