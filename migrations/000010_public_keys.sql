-- The public half of asymmetric material, DER of SubjectPublicKeyInfo: it is no secret, and the token need not be asked for it.
-- Imported material that was there before has none, and gets it when the same material is imported again.
alter table key_material add column public_key bytea check (octet_length(public_key) between 32 and 8192);
