-- A key's ARN is derived from its account and id, and is not stored.
create table kms_key (
  key_id text collate "C" primary key
    check (key_id ~ '^([0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}|mrk-[0-9a-f]{32})$'),
  account_id text collate "C" not null references account on delete restrict,
  description text not null default '' check (char_length(description) <= 8192),
  key_spec text collate "C" not null check (key_spec ~ '^[A-Z0-9_]+$'),
  key_usage text collate "C" not null check (key_usage in (
    'ENCRYPT_DECRYPT', 'SIGN_VERIFY', 'GENERATE_VERIFY_MAC', 'KEY_AGREEMENT', 'ENCAPSULATE_DECAPSULATE'
  )),
  origin text collate "C" not null default 'AWS_KMS' check (origin in (
    'AWS_KMS', 'EXTERNAL', 'AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE'
  )),
  key_manager text collate "C" not null default 'CUSTOMER' check (key_manager in ('AWS', 'CUSTOMER')),
  state text collate "C" not null check (state in (
    'Enabled', 'Disabled', 'PendingDeletion', 'PendingImport', 'PendingReplicaDeletion', 'Unavailable',
    'Creating', 'Updating'
  )),
  multi_region boolean not null default false,
  created_at timestamptz(3) not null default now(),
  deletion_date timestamptz(3),
  current_material_id text collate "C",
  policy text not null check (octet_length(policy) <= 131072),
  -- Keyset pagination of ListKeys reads this one; alias refers to it.
  unique (account_id, key_id),
  constraint kms_key_multi_region_check check (multi_region = (key_id like 'mrk-%')),
  constraint kms_key_deletion_date_check check ((state = 'PendingDeletion') = (deletion_date is not null))
);

create index kms_key_deletion on kms_key (deletion_date) where state = 'PendingDeletion';

create table key_tag (
  key_id text collate "C" not null references kms_key on delete cascade,
  tag_key text collate "C" not null check (char_length(tag_key) between 1 and 128),
  tag_value text collate "C" not null check (char_length(tag_value) <= 256),
  -- Tags are listed as they were added; one that is overwritten keeps its place (kms-semantics §13.2).
  position integer not null check (position >= 0),
  primary key (key_id, tag_key),
  unique (key_id, position)
);

create table key_material (
  material_id text collate "C" primary key check (material_id ~ '^[0-9a-f]{64}$'),
  key_id text collate "C" not null references kms_key on delete cascade,
  kind text collate "C" not null check (kind in ('resident')),
  token_serial text collate "C" not null,
  state text collate "C" not null check (state in (
    'CURRENT', 'NON_CURRENT', 'PENDING_ROTATION', 'PENDING_MULTI_REGION_IMPORT_AND_ROTATION'
  )),
  created_at timestamptz(3) not null default now(),
  unique (key_id, material_id)
);

create unique index key_material_current on key_material (key_id) where state = 'CURRENT';

-- Key and material refer to each other, so this is checked at commit.
alter table kms_key add constraint kms_key_current_material_fkey
  foreign key (key_id, current_material_id) references key_material (key_id, material_id)
  deferrable initially deferred;

create table alias (
  account_id text collate "C" not null,
  alias_name text collate "C" not null check (alias_name ~ '^alias/[a-zA-Z0-9:/_-]{1,250}$'),
  key_id text collate "C" not null,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now(),
  primary key (account_id, alias_name),
  foreign key (account_id, key_id) references kms_key (account_id, key_id) on delete cascade
);

create index alias_key on alias (key_id, alias_name);
