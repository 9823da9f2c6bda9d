import { replacePrincipals } from '../../src/policy/replace-principals';

const from = 'arn:aws:iam::111122223333:user/one';
const to = 'AIDAEXAMPLEEXAMPLE';

const rename = (name: string): string => (name === from ? to : name);

test('a principal is replaced wherever the document names it, and all else is as it was, to the digit', () => {
  const document = (name: string): string =>
    `{"Id":"${from}","Statement":[{"Sid":"1","Principal":{"AWS":["${name}","*"],"Service":"a.b"}},` +
    `{"NotPrincipal":{"AWS":"${name}"},"Condition":{"StringEquals":{"a:b":[1e999,1.10,12345678901234567890,true]}}}]}`;
  expect(replacePrincipals(document(from), rename)).toBe(document(to));
});

test('a document that does not name the principal is left alone', () => {
  const text = `{"Id":"${from}","Statement":{"Principal":"*"}}`;
  expect(replacePrincipals(text, rename)).toBeUndefined();
});
