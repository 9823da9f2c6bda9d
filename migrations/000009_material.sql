-- Keys of the token that wrap material which is kept here. The newest wraps; those before it open what they wrapped.
create table wrapping_key (
  wrapping_key_id text collate "C" primary key check (wrapping_key_id ~ '^[0-9a-f]{64}$'),
  state text collate "C" not null check (state in ('CURRENT', 'RETIRED')),
  -- Whether the token lets it out, wrapped under another token's RSA key.
  exportable boolean not null,
  created_at timestamptz(3) not null default now()
);
create unique index wrapping_key_current on wrapping_key (state) where state = 'CURRENT';

-- Keys of the system are wrapped too where keys are, so that another token with the wrapping key can serve.
alter table system_key alter column token_serial drop not null;
alter table system_key
  add column wrapping_key_id text collate "C" references wrapping_key,
  add column wrapped bytea check (octet_length(wrapped) between 24 and 8192);
alter table system_key add constraint system_key_kind_check check (
  (token_serial is null) = (wrapping_key_id is not null) and (wrapping_key_id is null) = (wrapped is null));

-- Material of a key is an object of a token, or wrapped by a token and kept here. Imported material that was deleted, or has
-- expired, keeps its row and waits to be imported again.
alter table key_material drop constraint key_material_kind_check;
alter table key_material alter column token_serial drop not null;
alter table key_material
  add column wrapping_key_id text collate "C" references wrapping_key,
  add column wrapped bytea check (octet_length(wrapped) between 24 and 8192),
  -- 1, 2, 3, … in the order in which a key came by its materials.
  add column ordinal integer not null default 1 check (ordinal > 0),
  -- When it took the place of another as the current one.
  add column rotated_at timestamptz(3),
  add column rotation_type text collate "C" check (rotation_type in ('AUTOMATIC', 'ON_DEMAND')),
  -- Of imported material only.
  add column import_state text collate "C" check (import_state in ('IMPORTED', 'PENDING_IMPORT')),
  add column description text check (char_length(description) <= 256),
  add column expiration_model text collate "C"
    check (expiration_model in ('KEY_MATERIAL_EXPIRES', 'KEY_MATERIAL_DOES_NOT_EXPIRE')),
  add column valid_to timestamptz(3);
alter table key_material
  add constraint key_material_kind_check check (
    kind = 'resident' and token_serial is not null and wrapping_key_id is null and wrapped is null
    or kind = 'wrapped' and token_serial is null and (wrapping_key_id is null) = (wrapped is null)),
  add constraint key_material_material_check check (
    kind <> 'wrapped' or wrapped is not null or import_state = 'PENDING_IMPORT'),
  add constraint key_material_rotation_check check ((rotated_at is null) = (rotation_type is null)),
  add constraint key_material_valid_to_check check (
    valid_to is null or expiration_model = 'KEY_MATERIAL_EXPIRES' and import_state is not null),
  add constraint key_material_ordinal_key unique (key_id, ordinal);
create index key_material_wrapping_key on key_material (wrapping_key_id) where wrapping_key_id is not null;
create index key_material_valid_to on key_material (valid_to) where import_state = 'IMPORTED';

-- Rotation by itself: null where it is off.
alter table kms_key
  add column rotation_period_days integer check (rotation_period_days between 90 and 2560),
  add column next_rotation_at timestamptz(3),
  add column on_demand_rotations integer not null default 0 check (on_demand_rotations >= 0);
alter table kms_key
  add constraint kms_key_rotation_check check ((rotation_period_days is null) = (next_rotation_at is null));
create index kms_key_next_rotation on kms_key (next_rotation_at) where next_rotation_at is not null;
-- AWS-managed keys rotate every year (kms-semantics §8.1).
update kms_key set rotation_period_days = 365, next_rotation_at = created_at + interval '365 days'
  where key_manager = 'AWS';

-- Objects of a token that are to be destroyed, unless a material, a system key or a wrapping key is called so by then. What
-- makes an object enters it here first, so that none is forgotten when it does not get further.
create table doomed_object (
  token_key_id text collate "C" not null check (token_key_id ~ '^[0-9a-f]{64}$'),
  token_serial text collate "C" not null,
  kind text collate "C" not null check (kind in ('secret-key', 'key-pair')),
  due_at timestamptz(3) not null,
  -- For whose import a pair is: an account has so many of them at the most.
  account_id text collate "C",
  primary key (token_key_id, token_serial)
);
create index doomed_object_due on doomed_object (due_at);
create index doomed_object_account on doomed_object (account_id) where account_id is not null;

-- Encryptions under a material that workers have taken the right to make: as many as were made, or more.
create table encryption_count (
  material_id text collate "C" primary key references key_material on delete cascade,
  reserved bigint not null check (reserved between 0 and 4294967296),
  -- When they were so many that the key is to go on with another material.
  worn_at timestamptz(3)
) with (fillfactor = 50);
create index encryption_count_worn on encryption_count (worn_at) where worn_at is not null;

-- Customer managed keys of the account, in whatever state (kms-semantics §17.1).
alter table account add column key_count integer not null default 0 check (key_count >= 0);
update account a set key_count =
  (select count(*) from kms_key k where k.account_id = a.account_id and k.key_manager = 'CUSTOMER');
