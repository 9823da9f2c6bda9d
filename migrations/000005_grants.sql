-- Grantee and retiring principal are ARNs, or names of services; issuing_account is an account id.
create table kms_grant (
  grant_id text collate "C" primary key check (grant_id ~ '^[0-9a-f]{64}$'),
  key_id text collate "C" not null references kms_key on delete cascade,
  name text collate "C" check (name ~ '^[a-zA-Z0-9:/_-]+$' and char_length(name) <= 256),
  grantee text collate "C" not null,
  retiring_principal text collate "C",
  issuing_account text collate "C" not null references account on delete restrict,
  operations text[] not null check (cardinality(operations) > 0),
  -- Constraints as AWS has them in GrantConstraints; null when there are none.
  constraints jsonb,
  created_at timestamptz(3) not null default now()
);

create index kms_grant_key on kms_grant (key_id, grant_id);
create index kms_grant_grantee on kms_grant (grantee, key_id, grant_id);
create index kms_grant_name on kms_grant (key_id, name, grantee) where name is not null;
create index kms_grant_retiring on kms_grant (retiring_principal, grant_id) where retiring_principal is not null;
