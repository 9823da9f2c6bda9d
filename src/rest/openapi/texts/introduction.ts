/** What holds for every operation: the head of the document. In Markdown. */
export const introduction = `Claviger keeps keys in a PKCS#11 token and does everything with them there. This is its API for services that have no AWS
SDK. Operations, members and error codes have the names that AWS KMS gives them.

**Values.** Bytes are base64 (RFC 4648 §4, padded). Times are RFC 3339 in UTC. A member that is not known is refused, and so is
\`null\`.

**Keys in paths.** A \`KeyId\` is the id of a key or its ARN. To use a key, to describe it and to get its public key it may be
the name of an alias as well, or the ARN of one. A slash in it is \`%2F\`: \`/v1/keys/alias%2Finvoices/encrypt\`.

**Lists.** A page that is not the last has \`next\`. Send it as \`cursor\` to get the next page.

**Repeating.** \`PUT\` and \`DELETE\` may be repeated. What makes something takes an \`Idempotency-Key\` where it is listed.

**Errors** are problem documents (RFC 9457). \`code\` tells them apart, and \`errors\` has everything that is wrong with the form of
a request. What is answered 429 or 503 may be sent again after \`Retry-After\` seconds.

Every request has an id, \`x-amzn-RequestId\`, under which the audit has recorded it.`;
