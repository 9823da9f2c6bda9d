-- One line of compact JSON a request. (writer, seq) is the order in which one writer committed; it has no gaps.
create table audit_record (
  writer uuid not null,
  seq bigint not null check (seq > 0),
  record text not null check (record <> ''),
  recorded_at timestamptz not null default now(),
  primary key (writer, seq)
);

create index audit_record_recorded_at on audit_record using brin (recorded_at);
