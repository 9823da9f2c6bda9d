-- Roles, groups and services stand beside roots and users, so that policies and tags hang on one table. A group cannot
-- call and is no principal of a policy; it is here because IAM treats it as an identity. Roots have the account id as
-- their id, users AIDA…, roles AROA…, groups AGPA…, services their name.
alter table principal
  drop constraint principal_kind_check,
  drop constraint principal_principal_id_check,
  drop constraint principal_user_name_check,
  add constraint principal_kind_check check (kind in ('root', 'user', 'role', 'group', 'service')),
  add constraint principal_principal_id_check check (
    principal_id ~ '^[A-Z0-9]{12,128}$' or (kind = 'service' and principal_id ~ '^[a-z0-9-]+(\.[a-z0-9-]+)+$')
  ),
  add constraint principal_name_check check (kind = 'root' or name is not null),
  add column path text collate "C" not null default '/' check (path ~ '^/([!-~]+/)?$'),
  add column description text,
  -- Of roles alone.
  add column trust_policy text check ((trust_policy is not null) = (kind = 'role')),
  add column max_session_seconds integer check ((max_session_seconds is not null) = (kind = 'role')),
  add column last_used_at timestamptz(3),
  add column last_used_region text;

drop index principal_user_name;

-- IAM names are unique without regard to case, among entities of a kind.
create unique index principal_kind_name on principal (account_id, kind, lower(name));

-- Lists are in order of name.
create index principal_list on principal (account_id, kind, name);

alter table account
  add column alias text collate "C" unique check (alias ~ '^[a-z0-9]([a-z0-9]|-(?!-)){1,61}[a-z0-9]$'),
  add column name text;

alter table access_key
  add column last_used_at timestamptz(3),
  add column last_used_service text,
  add column last_used_region text;

create table group_member (
  group_id text collate "C" not null references principal (principal_id) on delete restrict,
  user_id text collate "C" not null references principal (principal_id) on delete restrict,
  primary key (group_id, user_id)
);

create index group_member_user on group_member (user_id);

create table inline_policy (
  owner_id text collate "C" not null references principal (principal_id) on delete restrict,
  policy_name text collate "C" not null check (policy_name ~ '^[a-zA-Z0-9_+=,.@-]{1,128}$'),
  document text not null check (octet_length(document) <= 131072),
  primary key (owner_id, policy_name)
);

-- Policies without an account are AWS's own (arn:…:iam::aws:policy/…). ARNs are derived.
create table managed_policy (
  policy_id text collate "C" primary key check (policy_id ~ '^ANPA[A-Z0-9]{16,}$'),
  account_id text collate "C" references account on delete restrict,
  name text collate "C" not null check (name ~ '^[a-zA-Z0-9_+=,.@-]{1,128}$'),
  path text collate "C" not null default '/' check (path ~ '^/([!-~]+/)?$'),
  description text,
  default_version integer not null default 1,
  latest_version integer not null default 1,
  created_at timestamptz(3) not null default now(),
  updated_at timestamptz(3) not null default now()
);

create unique index managed_policy_name on managed_policy (coalesce(account_id, ''), lower(name));
create index managed_policy_list on managed_policy (account_id, name);

create table managed_policy_version (
  policy_id text collate "C" not null references managed_policy on delete cascade,
  version integer not null check (version > 0),
  document text not null check (octet_length(document) <= 131072),
  created_at timestamptz(3) not null default now(),
  primary key (policy_id, version)
);

alter table managed_policy add constraint managed_policy_default_fkey
  foreign key (policy_id, default_version) references managed_policy_version (policy_id, version)
  deferrable initially deferred;

create table policy_attachment (
  owner_id text collate "C" not null references principal (principal_id) on delete restrict,
  policy_id text collate "C" not null references managed_policy on delete restrict,
  attached_at timestamptz(3) not null default now(),
  primary key (owner_id, policy_id)
);

create index policy_attachment_policy on policy_attachment (policy_id);

alter table principal add column boundary_policy_id text collate "C" references managed_policy on delete restrict;

create index principal_boundary on principal (boundary_policy_id) where boundary_policy_id is not null;

create table oidc_provider (
  arn text collate "C" primary key,
  account_id text collate "C" not null references account on delete restrict,
  url text collate "C" not null,
  client_ids text[] not null,
  thumbprints text[] not null,
  created_at timestamptz(3) not null default now()
);

create index oidc_provider_account on oidc_provider (account_id);

-- Tags of users, roles, policies (by id) and OIDC providers (by ARN). Whoever deletes one deletes its tags.
create table iam_tag (
  resource_id text collate "C" not null,
  tag_key text not null check (char_length(tag_key) between 1 and 128),
  tag_value text not null check (char_length(tag_value) <= 256),
  position integer not null check (position >= 0),
  unique (resource_id, position)
);

-- Tag keys of IAM are kept as given, and are the same without regard to case.
create unique index iam_tag_key on iam_tag (resource_id, lower(tag_key));

-- AWS's own managed policies that make sense here.
insert into managed_policy (policy_id, account_id, name, description) values
  ('ANPAAAAAAAAAAAAAAAA01', null, 'AdministratorAccess', 'Provides full access to services and resources.'),
  ('ANPAAAAAAAAAAAAAAAA02', null, 'IAMFullAccess', 'Provides full access to IAM.'),
  ('ANPAAAAAAAAAAAAAAAA03', null, 'IAMReadOnlyAccess', 'Provides read only access to IAM.'),
  ('ANPAAAAAAAAAAAAAAAA04', null, 'AWSKeyManagementServicePowerUser', 'Provides access to key management without the deletion of keys.');

insert into managed_policy_version (policy_id, version, document) values
  ('ANPAAAAAAAAAAAAAAAA01', 1, '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}'),
  ('ANPAAAAAAAAAAAAAAAA02', 1, '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:*","Resource":"*"}]}'),
  ('ANPAAAAAAAAAAAAAAAA03', 1, '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["iam:Get*","iam:List*"],"Resource":"*"}]}'),
  ('ANPAAAAAAAAAAAAAAAA04', 1, '{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["kms:CreateAlias","kms:CreateKey","kms:DeleteAlias","kms:Describe*","kms:GenerateRandom","kms:Get*","kms:List*","kms:TagResource","kms:UntagResource","iam:ListGroups","iam:ListRoles","iam:ListUsers"],"Resource":"*"}]}');
