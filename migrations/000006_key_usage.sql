-- Since when uses of a key are noted: its creation, or for keys that were there before, this migration.
alter table kms_key add column usage_tracked_from timestamptz(3) not null default now();

-- The last successful cryptographic operation with a key (kms-semantics §18).
create table key_usage (
  key_id text collate "C" primary key references kms_key on delete cascade,
  operation text collate "C" not null check (operation ~ '^[A-Za-z]+$'),
  used_at timestamptz(3) not null,
  request_id text collate "C" not null,
  event_id text collate "C" not null
);
