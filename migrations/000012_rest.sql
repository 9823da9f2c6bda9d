-- API tokens: bearer credentials that principals make for themselves. The text of one is shown once; here is its hash.
create table api_token (
  token_id text collate "C" primary key check (token_id ~ '^[A-Z0-9]{16,32}$'),
  -- SHA-256 of the secret part's text, which is of 32 random bytes: nothing is to be guessed, so nothing need be slow.
  secret_hash bytea not null check (octet_length(secret_hash) = 32),
  account_id text collate "C" not null,
  -- Whose it is: root, user, role or service. A principal that is deleted takes its tokens along.
  principal_id text collate "C" not null,
  -- aws:userid of who made it: of a role's session `<role id>:<session name>`, else the principal's id.
  caller_id text collate "C" not null,
  name text check (char_length(name) between 1 and 128),
  -- The session policy; null where the token may do all that its principal may.
  policy text check (char_length(policy) <= 8192),
  -- JSON of the session that made it, which it carries on; null where it was made without one. It may hold what jsonb may not.
  session text,
  created_at timestamptz(3) not null,
  expires_at timestamptz(3) not null check (expires_at > created_at),
  -- An expired token is listed until then, and deleted by timed work.
  kept_until timestamptz(3) not null check (kept_until >= expires_at),
  last_used_at timestamptz(3),
  foreign key (account_id, principal_id) references principal (account_id, principal_id) on delete cascade
);

create index api_token_principal on api_token (account_id, principal_id, token_id);
create index api_token_caller on api_token (account_id, caller_id, token_id);
create index api_token_kept on api_token (kept_until);

-- What was answered to requests that their clients named by an Idempotency-Key, for as long as they may repeat them. No answer
-- that is kept here has a secret in it: a grant token is none.
create table idempotent_request (
  -- CloudTrail's principalId of the caller: a role's sessions are callers of their own.
  caller_id text collate "C" not null,
  operation text collate "C" not null,
  idempotency_key text collate "C" not null check (char_length(idempotency_key) between 1 and 255),
  -- Of the request that was done, and not of those that repeat it.
  request_id uuid not null,
  -- SHA-256 of the canonical input.
  input_hash bytea not null check (octet_length(input_hash) = 32),
  -- As AWS writes it; null while the request is at work, in its own transaction, which is all that sees it so.
  answer text check (octet_length(answer) <= 65536),
  -- What its change announced to the workers: [{topic, id}].
  announced jsonb not null default '[]',
  -- From then on it may be done anew.
  expires_at timestamptz(3) not null,
  primary key (caller_id, operation, idempotency_key)
);

create index idempotent_request_expiry on idempotent_request (expires_at);
