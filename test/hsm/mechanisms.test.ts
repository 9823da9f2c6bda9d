import { mechanismName, requiredMechanisms } from '../../hsm/mechanisms';

test.each([
  [0x1087, 'CKM_AES_GCM'],
  [0x1057, 'CKM_EDDSA'],
  [0x210a, 'CKM_AES_KEY_WRAP_PAD'],
  [0x210b, 'CKM_AES_KEY_WRAP_KWP'],
  [0x1d, 'CKM_ML_DSA'],
  [0x80000001, '0x80000001'],
])('%i is called %s', (number, name) => {
  expect(mechanismName(number)).toBe(name);
});

test('what the service uses today is required', () => {
  expect(requiredMechanisms).toEqual(expect.arrayContaining(['CKM_AES_KEY_GEN', 'CKM_AES_GCM']));
});
