/** What PKCS#11 3.2 adds to 2.40, whose names pkcs11js 2.1.7 has. */
export const CKK_ML_KEM = 0x49;
export const CKK_ML_DSA = 0x4a;

export const CKA_PARAMETER_SET = 0x61d;
export const CKA_ENCAPSULATE = 0x633;
export const CKA_DECAPSULATE = 0x634;
/** The bytes that a private key is expanded from: ξ of FIPS 204, d ‖ z of FIPS 203. */
export const CKA_SEED = 0x637;
