create table account (
  account_id text collate "C" primary key check (account_id ~ '^[0-9]{12}$'),
  created_at timestamptz(3) not null default now()
);

-- An account's root has the account id as its principal id; a user has AIDA….
create table principal (
  principal_id text collate "C" primary key check (principal_id ~ '^[A-Z0-9]{12,128}$'),
  account_id text collate "C" not null references account on delete restrict,
  arn text collate "C" not null unique,
  kind text collate "C" not null check (kind in ('root', 'user')),
  name text collate "C",
  created_at timestamptz(3) not null default now(),
  unique (account_id, principal_id),
  constraint principal_root_check check ((kind = 'root') = (principal_id = account_id)),
  constraint principal_user_name_check check (kind = 'root' or name is not null)
);

-- IAM user names are unique without regard to case.
create unique index principal_user_name on principal (account_id, lower(name)) where kind = 'user';

-- Which key of the token seals what. The newest one of a purpose seals; all of them open.
create table system_key (
  purpose text collate "C" not null check (purpose ~ '^[a-z]+(-[a-z]+)*$'),
  token_key_id text collate "C" not null check (token_key_id ~ '^[0-9a-f]{64}$'),
  token_serial text collate "C" not null,
  created_at timestamptz(3) not null default now(),
  primary key (purpose, token_key_id)
);

create table access_key (
  access_key_id text collate "C" primary key check (access_key_id ~ '^[A-Za-z0-9_]{16,128}$'),
  account_id text collate "C" not null,
  principal_id text collate "C" not null,
  sealed_secret bytea not null check (octet_length(sealed_secret) between 29 and 1024),
  sealing_key_id text collate "C" not null check (sealing_key_id ~ '^[0-9a-f]{64}$'),
  status text collate "C" not null default 'Active' check (status in ('Active', 'Inactive')),
  created_at timestamptz(3) not null default now(),
  foreign key (account_id, principal_id) references principal (account_id, principal_id) on delete cascade
);

create index access_key_principal on access_key (account_id, principal_id);
