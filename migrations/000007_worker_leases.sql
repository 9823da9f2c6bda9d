-- Until when a worker may trust what it keeps of the database: whoever takes something back waits until the worker has
-- acknowledged it, or until then. Sessions of the database do not tell: one may end long before its worker learns of it.
create table worker_lease (
  worker_id text collate "C" primary key,
  ends_at timestamptz not null
);
