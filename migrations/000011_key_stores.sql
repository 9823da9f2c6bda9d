-- External key stores that AWS KMS reaches through our XKS proxy. A prefix is a tenant: what is below it is seen through it
-- alone (XKS proxy API, prefix). The empty prefix is one too.
create table xks_store (
  prefix text collate "C" primary key
    check (prefix ~ '^((/[A-Za-z0-9_-]+)+)?$' and char_length(prefix) <= 117 and prefix !~ '/kms/xks(/|$)'),
  -- Whose its keys are.
  account_id text collate "C" not null references account on delete restrict,
  -- From which AWS KMS calls: its signatures are scoped to it.
  region text collate "C" not null check (region ~ '^[a-z]{2,}(-[a-z0-9]+)*$'),
  status text collate "C" not null default 'ENABLED' check (status in ('ENABLED', 'DISABLED')),
  -- Requests a second at the most; null: as many as there are.
  rate integer check (rate between 1 and 1000000),
  -- Secondary authorization, as JSON; null: whatever AWS's own policies allow.
  rules text check (octet_length(rules) <= 131072),
  created_at timestamptz(3) not null default now()
);

create table xks_credential (
  access_key_id text collate "C" primary key check (access_key_id ~ '^[A-Z2-7]{20,30}$'),
  prefix text collate "C" not null references xks_store on delete cascade,
  sealed_secret bytea not null check (octet_length(sealed_secret) between 29 and 1024),
  sealing_key_id text collate "C" not null check (sealing_key_id ~ '^[0-9a-f]{64}$'),
  status text collate "C" not null default 'ENABLED' check (status in ('ENABLED', 'DISABLED')),
  created_at timestamptz(3) not null default now()
);
create index xks_credential_prefix on xks_credential (prefix);

-- An external key id stands for one key for ever: a row that is deleted stays, and so does one whose key is gone, so that
-- no other key is ever called so.
create table xks_key (
  prefix text collate "C" not null references xks_store on delete cascade,
  external_key_id text collate "C" not null check (external_key_id ~ '^[A-Za-z0-9._-]{1,128}$'),
  key_id text collate "C" references kms_key on delete set null,
  usages text[] collate "C" not null
    check (cardinality(usages) between 1 and 2 and usages <@ array['ENCRYPT', 'DECRYPT'] collate "C"),
  status text collate "C" not null default 'ENABLED' check (status in ('ENABLED', 'DISABLED', 'DELETED')),
  rules text check (octet_length(rules) <= 131072),
  created_at timestamptz(3) not null default now(),
  primary key (prefix, external_key_id)
);
-- AWS KMS cannot notice that two external keys are one.
create unique index xks_key_key on xks_key (key_id) where status <> 'DELETED';

-- Custom key stores: where keys of ours are in another token, or under another external key manager's.
create table custom_key_store (
  custom_key_store_id text collate "C" primary key check (custom_key_store_id ~ '^cks-[0-9a-f]{17}$'),
  account_id text collate "C" not null references account on delete restrict,
  name text collate "C" not null check (char_length(name) between 1 and 256),
  type text collate "C" not null check (type in ('AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE')),
  connection_state text collate "C" not null default 'DISCONNECTED' check (connection_state in (
    'CONNECTED', 'CONNECTING', 'FAILED', 'DISCONNECTED', 'DISCONNECTING'
  )),
  connection_error_code text collate "C",
  -- When what connects it is to look at it next; while it is CONNECTING.
  connect_at timestamptz(3),
  created_at timestamptz(3) not null default now(),
  -- The password, or the secret of the XKS proxy's credential.
  sealed_secret bytea not null check (octet_length(sealed_secret) between 29 and 1024),
  sealing_key_id text collate "C" not null check (sealing_key_id ~ '^[0-9a-f]{64}$'),
  cloud_hsm_cluster_id text collate "C" unique check (cloud_hsm_cluster_id ~ '^cluster-[2-7a-zA-Z]{11,16}$'),
  trust_anchor_certificate text check (char_length(trust_anchor_certificate) between 1 and 5000),
  xks_connectivity text collate "C" check (xks_connectivity in ('PUBLIC_ENDPOINT', 'VPC_ENDPOINT_SERVICE')),
  xks_uri_endpoint text collate "C" check (char_length(xks_uri_endpoint) between 10 and 128),
  xks_uri_path text collate "C" check (char_length(xks_uri_path) between 10 and 128),
  xks_access_key_id text collate "C" check (xks_access_key_id ~ '^[A-Z2-7]{20,30}$'),
  xks_vpc_endpoint_service_name text collate "C" check (char_length(xks_vpc_endpoint_service_name) between 20 and 64),
  xks_vpc_endpoint_service_owner text collate "C" check (xks_vpc_endpoint_service_owner ~ '^[0-9]{12}$'),
  constraint custom_key_store_name_key unique (account_id, name),
  constraint custom_key_store_uri_key unique (account_id, xks_uri_endpoint, xks_uri_path),
  constraint custom_key_store_cloud_hsm_check check (
    (type = 'AWS_CLOUDHSM') = (cloud_hsm_cluster_id is not null)
    and (cloud_hsm_cluster_id is null) = (trust_anchor_certificate is null)),
  constraint custom_key_store_xks_check check (
    (type = 'EXTERNAL_KEY_STORE') = (xks_connectivity is not null)
    and (xks_connectivity is null) = (xks_uri_endpoint is null)
    and (xks_connectivity is null) = (xks_uri_path is null)
    and (xks_connectivity is null) = (xks_access_key_id is null)),
  constraint custom_key_store_vpc_check check (
    (xks_vpc_endpoint_service_name is not null) = (xks_connectivity is not distinct from 'VPC_ENDPOINT_SERVICE')
    and (xks_vpc_endpoint_service_owner is null or xks_vpc_endpoint_service_name is not null)),
  constraint custom_key_store_error_check check (
    (connection_state = 'FAILED') = (connection_error_code is not null)),
  constraint custom_key_store_connecting_check check (
    (connection_state = 'CONNECTING') = (connect_at is not null))
);
create index custom_key_store_connect on custom_key_store (connect_at) where connect_at is not null;

alter table kms_key
  add column custom_key_store_id text collate "C" references custom_key_store on delete restrict,
  add column xks_key_id text collate "C" check (char_length(xks_key_id) between 1 and 128);
alter table kms_key
  add constraint kms_key_custom_key_store_check check (
    (origin in ('AWS_CLOUDHSM', 'EXTERNAL_KEY_STORE')) = (custom_key_store_id is not null)),
  add constraint kms_key_xks_key_check check ((origin = 'EXTERNAL_KEY_STORE') = (xks_key_id is not null)),
  -- Two keys of a store cannot be under one external key.
  add constraint kms_key_xks_key_id_key unique (custom_key_store_id, xks_key_id);
create index kms_key_custom_key_store on kms_key (custom_key_store_id) where custom_key_store_id is not null;

-- In which store's token the object is, where it is not in the main one. The store may be gone: then nobody can destroy it.
alter table doomed_object add column custom_key_store_id text collate "C";
