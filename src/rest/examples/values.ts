/**
 * The names and bytes of the examples, in AWS's documentation style. They are of nothing that exists; a test learns the real
 * ones from the answers as it goes, and sends those.
 */
export const accountId = '111122223333';
export const keyId = '1234abcd-12ab-34cd-56ef-1234567890ab';
export const keyArn = arnOf(keyId);
/** Of keys that are for something else than encryption. */
export const signingKeyId = '0987dcba-09fe-87dc-65ba-ab0987654321';
export const macKeyId = '3456cdef-34cd-56ef-78ab-34567890abcd';
export const agreementKeyId = '4567defa-45de-67fa-89bc-4567890abcde';
export const encapsulationKeyId = '5678efab-56ef-78ab-9acd-567890abcdef';
export const importedKeyId = '6789fabc-67fa-89bc-abde-67890abcdef1';
export const aliasName = 'alias/invoices';
export const aliasArn = `arn:aws:kms:us-east-1:${accountId}:${aliasName}`;
export const materialId = '96083e4fb6dbc41d77578a213a6b6669c044dd4c143e96755396d2bf11fd6068';
export const importedMaterialId =
  '0b7fd7ddbac6eef27907413567cad8c810e2883dc8a7534067a82ee1142fc1e6';
export const storeId = 'cks-1234567890abcdef0';
export const tokenId = 'ATKN2J7Q5XK3MZ4B6N7P';
export const grantId = '79012cf74b188c768472718b421249f8cd136761cbff6b4d0002ab5c6c12d30d';
export const grantToken =
  'OII1OVkPs9nSuy1JPjUpO3I3vEK4UEXWOQtLQ_e6bLlKjS0CCgEo_AQ-zdN53Gy6lFLHaBp1KsK5shPJrDI5gcpOkIDrKzNSNmq7-oqGsoWY8O21Sel3nSQfVNdEULBBxe5bSQ';
export const userArn = `arn:aws:iam::${accountId}:user/invoicing`;
export const rootArn = `arn:aws:iam::${accountId}:root`;
export const madeAt = '2026-11-26T02:00:00.000Z';

/** `attack at dawn`, and what Encrypt makes of it. */
export const plaintext = 'YXR0YWNrIGF0IGRhd24=';
export const encryptionContext = { invoice: '4711' };
export const ciphertext =
  'AQASNKvNEqs0zVbvEjRWeJCrlgg+T7bbxB13V4ohOmtmacBE3UwUPpZ1U5bSvxH9YGjI28Zpv4IL3l4mlNOSX8BbUrRRVKncFEg+lmWcs0OG9Ojsh4WLt9mKHG1Ltdc=';
export const ciphertextAnew =
  'AQASNKvNEqs0zVbvEjRWeJCrlgg+T7bbxB13V4ohOmtmacBE3UwUPpZ1U5bSvxH9YGjNv72nNSlANkvVk9tfQPRgBgH8ZuJIZJhzP6x834RlGr/N1WM056VfeiahEo0=';
export const dataKey = 'FRMeYkuD2hdV1eeyso6k8ye+if74/oaonXnkFLfiADY=';
export const encryptedDataKey =
  'AQASNKvNEqs0zVbvEjRWeJCrlgg+T7bbxB13V4ohOmtmacBE3UwUPpZ1U5bSvxH9YGh/YqC3DHYsrIi6J3SF/qcCCemdESqoJpdGlQ+eY/UmvQkN8liU6aavqFSMN2mpTmYetbUu6Pvx1pKg2YE=';
export const encryptedDataKeyOnly =
  'AQASNKvNEqs0zVbvEjRWeJCrlgg+T7bbxB13V4ohOmtmacBE3UwUPpZ1U5bSvxH9YGged1EI4v6v9tLFowVHyaz95BKZ9b/EIZ0n6OpWkvbD8FPOaHj+Gkr9aERJF/IMtkIEKGrzSIbznaj4z8Y=';
export const randomBytes = 'IQUVU3J3Zut+kkRxmaCfkV58njSGqCPP/An3dA3zl6s=';
export const sharedSecret = '+Bfi2exHrWt6Pxwr+a4N5sQG3K4Ic1I/ql2fOj0fNM0=';

/** On P-256: of the signing key, of somebody else, and of a data key pair. */
export const publicKey =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE15bFGs39GysdRfBPbOjkNPyCERgBcGjNiFxB50ufYR7/mvzntyjTDs25DqRj+a2NNvS+T6PgDVOdXTGwSO4GTQ==';
export const otherPublicKey =
  'MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEQM2NOQNifFPKEB/RLB16RjYmMWKMOoB6+DC6S5W8/3NuNqDAQ095AWMSoXGlPwwwUOstQzGetAPoRluDv/oJfg==';
export const privateKey =
  'MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgspq9nl5MZ8BYTXlpmgEhd1sWx1LIh7w1alc9fjvwqEihRANCAARAzY05A2J8U8oQH9EsHXpGNiYxYow6gHr4MLpLlbz/c242oMBDT3kBYxKhcaU/DDBQ6y1DMZ60A+hGW4O/+gl+';
export const encryptedPrivateKey =
  'AQASNKvNEqs0zVbvEjRWeJCrlgg+T7bbxB13V4ohOmtmacBE3UwUPpZ1U5bSvxH9YGjWQfrr+FXaoqigAtNCRqZppqEFWrR9K+kXm6CpP32zouokBqof6/sTT11Zgi+es0EJYdRjUZMXDMsWKKygk2DFK/6eFZnotAU5w6Vjw6IamWaQUNBo7zKjq/1fm1cHmVGtEX225iGzCZeiLHU5k1LUxDE9F6nkTFrR1e/CCjy+z1EkYMHn34e51TIGs6TXiR2yVo9aFCn/vtSZxdpZSmxUO69ZpY7O';
export const signature =
  'MEQCIEnk71XIoMxLKLGY9XTkR1/Dp25drhrG5+ygm7yEu+O9AiBd00stVMgPkO/yAk6wmclZ/Nv7NlyihSEc+GxG7h4hgw==';
export const mac = '90cuNJWrWn9GTaHg/IkHRh+voSj/3lqif/ZBylZJDA8=';

export const importToken =
  'V+wsk+pvaYHRPtcKp8QZjqNBb9t8SVV0BQ+ppoptYk5AKzPaRttdJNOLoqdzx0PnPFgROUUltY0tcwMbJDShkM3szqDTWQZcC1mSE8mvub5GXsf5kiUlGNa2HR4jshfmOQqJWEhF5IWsjboOfZEn+zB2GoWvOVO5ESWk4REeVX/hlRjheJB1p9vyFLmiPthfdLp4Df1zGsu/DbFnEJKepsB3PS+ZEw6jzkWOMpZtIMIYUBHGnN03d0VafyE2qpxFFlXrpkHGwU4=';
export const importPublicKey =
  'MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA4aIXKGjFqVyLOOYQWZia1LlrTckyAmiB6izWNMeLs839InnbQFZAm5DL7wI3cLIefauic2yZSrjkXwwb3jPlsjfzM6pqHZ7oJ+fUtH7Iz6ujlgoi1MqqP7YUsReewDa2R5oaxqSxMmg+NpSyhk9Bz5fWF7RGa7um/2o4mdiZ9hhkzcLYBOeXq7xHzqdKHKMXdOLmP6iKRbHIEybD5JfVt43g4ErkHODerazj1TLlzHnSd8kVaAVA658zIywlLbhJ/PRc1wpnx3ALd/bHabS3/KRtLLvPPQdI73Plr02YE8pid2cMNL9kQ2DbDO0w3hX/Ggw3+HcH6x4ckn2dMQ7W1wIDAQAB';
export const encryptedMaterial =
  'bUhAOj6U5lQKN7fcRuyt4VTVcfsQOxvJBorpF8bSwYM4FyPXGbPkw7+v0tbTbTwux/n9pILLSnoIVC3xTu7zyeaZyNXrpPJKZTxUtzYm4CK6l2gq3SGj4B5SxYZL0iZJa4SbdKsPZh6mbJf4UOCAjD7C1Xmryg6VFfFECdLfIOcq8+v/b0V+stt2L5cZhYA5MhcFMx/l/rXoc7+e6DMkBKWNlkKViYOHFUNIWsRdFRrR45469ys3+IrUyYAfWvaGj1zz2Qfe76jItkPbgAkiCmiATnutM43r5GST43eiw8zLDqt/HmexB4GTR9z0Z+i3m0iTEyCvjECiIeWNqnclcQ==';

export const policy =
  '{"Version":"2012-10-17","Id":"key-default-1","Statement":[{"Sid":"Enable IAM User Permissions","Effect":"Allow",' +
  `"Principal":{"AWS":"${rootArn}"},"Action":"kms:*","Resource":"*"}]}`;

export function arnOf(id: string): string {
  return `arn:aws:kms:us-east-1:111122223333:key/${id}`;
}
