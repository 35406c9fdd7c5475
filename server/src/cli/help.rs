//! What `--help` teaches below the options.

pub(super) const SPENDLOG: &str = "\
Examples:
  spendlog                                  serve on 127.0.0.1:8080, with a database of its own under ./data
  spendlog serve --demo                     the same, and show the samples going through on an empty ledger
  spendlog replay --user ada@example.org --at 2026-10-03   her books as they stood at the end of that day
  spendlog audit head > head.json           a signed head of the journal, to be kept elsewhere …
  spendlog audit verify --against head.json … and the check of everything, which that head makes complete
  spendlog query \"SELECT count(*) FROM events\"   SQL over the events, exported or not
  spendlog models fetch                     get the weights of the text recognition

It is configured by the environment alone: `spendlog config example` lists the variables, `spendlog config check`
shows what holds and what is wrong. Results go to standard output, the log to standard error.";

pub(super) const PROJECTIONS: &str = "\
A projection is a group of read tables that always agree with each other: `ledger` and `documents`. They hold nothing
that the journal does not: they can be thrown away and made again. All of this works beside a running server.

Examples:
  spendlog projections list                 how each of them stands, and who runs it
  spendlog projections lag --json           how far they are behind, for a script
  spendlog projections rebuild ledger       make its tables again; reads and writes go on meanwhile
  spendlog projections verify               compare all tables with what the journal says

One SQL statement makes a projection of your own: docs/projections-of-your-own.md shows how.
  spendlog projections add monthly.sql      kept up to date with each batch of events, where the statement adds up
  spendlog projections add top.sql --every 5m   computed anew by a schedule, where it does not
  spendlog projections remove monthly       it and its rows; the journal knows nothing of it";

pub(super) const ADD: &str = "\
The file holds one SELECT over the views of `analytics` (accounts, books, categories, documents, imports, postings, summary,
transactions), of `versions` (the same, with old rows) and of `events` (events.transaction_recorded and so on); the projection is called like the file. It runs as a
role that can read these views and nothing else, for 60 s at most. Sums and counts, grouped, over filtered and joined tables
are kept up to date with each batch of events. With a column book_id everybody reads the rows of their own books at
GET /analytics/projections/NAME; without one only admins read it.

Example, monthly_merchants.sql:
  SELECT book_id, month, merchant, currency, sum(amount_minor) AS total_minor, count(*) AS purchases
  FROM transactions WHERE NOT voided GROUP BY book_id, month, merchant, currency";

pub(super) const EXPORT: &str = "\
A table is a folder, a month a folder in it, as DuckDB, pandas, polars and Spark know them: events/month=2026-11/…parquet.
There is `events`, one table for each type of event, and one for each list in one (transaction_recorded_postings).
`spendlog query --tables` shows them all with their columns.

Texts that people wrote (merchants, notes, names, what was read from documents) are sealed in the journal and stay out: their
columns are empty, and the column `texts` says `withheld`, or `forgotten` where a person was forgotten. With --texts-of the
export is of that person's own events alone, with their texts (`given`); a run after they were forgotten removes these.
Passwords are in no export.

The next run to the same place adds what is new. It can be broken off at any time. This works beside a running server.

Examples:
  spendlog events export                                   to the folder export in SPENDLOG_DATA
  spendlog events export --to s3://lake/spendlog           to a bucket, as SPENDLOG_S3_… say
  spendlog events export --to mine --texts-of ada@example.org";

pub(super) const QUERY: &str = "\
The SQL is that of polars: one SELECT with joins, groups, windows and WITH. Names that are words of SQL go between
quotes: \"from\". Amounts are whole minor units (money_minor) beside their currency; recorded_at is in UTC.
What is not exported yet is read from the journal, so the answer is always of all events. Without an export that is the
whole journal: with many events, `spendlog events export` once makes it faster.

Examples:
  spendlog query --tables                                  all tables and their columns
  spendlog query \"SELECT event, count(*) AS n FROM events GROUP BY event ORDER BY n DESC\"
  spendlog query \"SELECT target_category, money_currency, sum(money_minor) FROM transaction_recorded_postings
                  GROUP BY target_category, money_currency\" --format csv --output sums.csv
  spendlog query \"SELECT …\" --over s3://lake/spendlog --format json";

pub(super) const KAFKA: &str = "\
With SPENDLOG_KAFKA_BROKERS set, the role `relay` publishes the journal to a topic, and the role `processors` reads it from there.
Partitions are never added to a topic: owners would change partitions, and their events lose their order. `switch` lets the
relay rest until the processors have read the topic to its end (drain), and then puts a new topic in its place.

Examples:
  spendlog kafka status                     what is published, and how far it is read
  spendlog kafka switch --partitions 24     a topic with 24 partitions in the place of the one in use";

pub(super) const BACKUP: &str = "\
All backups of a place share what never changes (events, files), so one a night costs what is new that night. What was
written is read again before the backup counts as made; one that was broken off is none, and the next one goes on with it.

NOT in a backup, keep them elsewhere, apart from it:
  the master key       master.key in SPENDLOG_DATA, or SPENDLOG_MASTER_KEY: without it nothing of a backup can be read
  the configuration    the environment, or .env
  a signed head        `spendlog audit head > head.json`, if a backup must not be able to lie about the past
Read tables are not in it either: restoring makes them again.

Whoever is forgotten is destroyed in all backups of the place by the next backup that is made there. For what is forgotten
after the last one, keep what `spendlog user forgotten` prints where a loss of data and backups does not reach it.

Examples:
  spendlog backup --to /mnt/backup/spendlog         with cron, every night
  spendlog backup --to s3://backups/spendlog        in a bucket of the service of SPENDLOG_S3_*
  spendlog restore --from /mnt/backup/spendlog --check   read the newest of them from end to end";

pub(super) const RESTORE: &str = "\
The database must be empty (a new SPENDLOG_DATA, or DATABASE_URL of a new database), and the master key in its place; the
folder or bucket of the files may still have some. First the whole backup is read: one that was altered or cut off is refused by
the name of what is wrong, before anything is touched. Then the files are copied, and the journal is loaded in one
transaction: when it is broken off, begin again. At the end those who were forgotten after the backup are forgotten again, the
read tables are made, and everything is verified.

Examples:
  spendlog restore --from /mnt/backup/spendlog --list
  SPENDLOG_DATA=/srv/new spendlog restore --from /mnt/backup/spendlog
  SPENDLOG_DATA=/srv/new spendlog restore --from s3://backups/spendlog --forgotten forgotten.txt";

pub(super) const VERIFY: &str = "\
Every event's hash, every commit's root and every file is computed anew. Whatever was changed, removed or added is told by its
position, stream and column, as exactly as it can be known, and the command ends with a failure. Two things can't be found in
a journal that was made to fit in itself: that its end is missing, and that all after some point was written anew with all
hashes. `--against` finds both: it takes a head that `spendlog audit head` printed and that was kept elsewhere.";

pub(super) const ARCHIVE: &str = "\
The database gets smaller; nothing else changes: whoever reads an old event gets it from its file, sealed as it was, and it counts
for proofs, rebuilds and duplicates as before. The files, Parquet under `archive/` in the object store, are a part of the journal:
a backup without them is none. It works beside a running server, can be broken off at any time and started again, and moves only
what has the hash that it was written with. Run it now and then, by cron for example.

Examples:
  spendlog archive --dry-run                how many events that would be
  spendlog archive --older-than 400d        move what was recorded more than 400 days ago";
