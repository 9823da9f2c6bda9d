import { openToken } from '../../hsm/index';
import { makeSoftHsm, type SoftHsm } from '../support/softhsm';
import { tokenOptions } from '../support/token-options';

let hsm: SoftHsm;

beforeEach(async () => {
  hsm = await makeSoftHsm();
});

afterEach(() => hsm.remove());

// SoftHSM takes none, and says so: that it does is the proof that they reach it. test/tokens opens tokens that need them.
test('the library is given its parameters when it is initialised', async () => {
  const opened = openToken(tokenOptions(hsm, { libraryParameters: "configdir='sql:/nowhere'" }));
  await expect(opened).rejects.toMatchObject({
    message: 'C_Initialize: CKR_ARGUMENTS_BAD',
  });
});
