-- What is due stands in the tables that it is about; here stands what was tried and has not succeeded yet.
create table job_attempt (
  job text collate "C" not null check (job ~ '^[a-z]+(-[a-z]+)*$'),
  subject text collate "C" not null,
  due_at timestamptz(3) not null,
  attempts integer not null check (attempts > 0),
  retry_at timestamptz(3) not null,
  primary key (job, subject)
);

-- From here on nothing brings the key back: its material is destroyed in the token, and then its row is removed.
alter table kms_key add column deleting_since timestamptz(3);
alter table kms_key add constraint kms_key_deleting_since_check
  check (deleting_since is null or state = 'PendingDeletion');
