//! PostgreSQL: COPY into a temporary table, then one upsert in the same transaction.
//!
//! In: rows as text for COPY. Out: a table with the indicator as primary key and indexes by supplier and by tag. Each
//! writer takes its share of a batch on a connection of its own; the batch is durable when all have committed. That is
//! less than Sluice promises, whose batches are all or nothing.

use std::{
    env,
    fmt::Write as _,
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, ensure};
use postgres::{Client, Config, NoTls};
use sluice_model::Indicator;

use crate::{
    engine::{Engine, deal, side_by_side},
    rows::Row,
    server::{Account, Server, version},
};

/// At least as fast as one on two cores.
const WRITERS: usize = 2;
/// Values of one query.
const QUERY_VALUES: usize = 5_000;

/// Settings of the server beside its defaults; what makes a commit durable is left alone.
const SETTINGS: [&str; 17] = [
    "listen_addresses=",
    "fsync=on",
    "synchronous_commit=on",
    "full_page_writes=on",
    "wal_level=minimal",
    "max_wal_senders=0",
    "wal_compression=lz4",
    "wal_buffers=64MB",
    "max_wal_size=16GB",
    "checkpoint_timeout=30min",
    "shared_buffers=1GB",
    "work_mem=512MB",
    "maintenance_work_mem=512MB",
    "temp_buffers=512MB",
    "jit=off",
    "random_page_cost=1.1",
    "effective_cache_size=8GB",
];

const SCHEMA: &str = "
    CREATE TABLE indicators (
        indicator text PRIMARY KEY,
        supplier smallint NOT NULL,
        updated timestamptz NOT NULL,
        context text,
        tags int[]
    ) WITH (fillfactor = 50);
    CREATE INDEX by_supplier ON indicators (supplier);
    CREATE INDEX by_tag ON indicators USING gin (tags);
";

const STAGING: &str =
    "CREATE TEMPORARY TABLE staging (indicator text, context text, tags int[]) ON COMMIT DELETE ROWS";

/// The last of equal indicators counts. In the order of the key, so that writers do not wait for each other in a
/// circle.
const UPSERT: &str = "
    INSERT INTO indicators (indicator, supplier, updated, context, tags)
    SELECT DISTINCT ON (indicator) indicator, 1, now(), context, tags FROM staging ORDER BY indicator, ctid DESC
    ON CONFLICT (indicator) DO UPDATE
    SET supplier = excluded.supplier, updated = excluded.updated, context = excluded.context, tags = excluded.tags
";

const QUERY: &str = "SELECT indicator, context, tags FROM indicators WHERE indicator = ANY($1)";

/// A running server with an empty table.
pub(crate) struct Postgresql {
    // The connections close before the server stops.
    clients: Vec<Client>,
    server: Server,
    version: String,
}

impl Postgresql {
    /// Makes a cluster in a directory and starts a server for it.
    pub(crate) fn start(dir: &Path, writers: Option<usize>) -> Result<Self> {
        let programs = programs().context("PostgreSQL is not installed (Debian: postgresql)")?;
        let account = Account::unless_root("postgres")?;
        let data = dir.join("cluster");
        account.create_dir(&data)?;
        let mut init = account.command(&programs.join("initdb"));
        init.args(["--username=compare", "--auth=trust", "--locale=C", "--encoding=UTF8", "-D"]).arg(&data);
        let output = init.current_dir("/").output()?;
        ensure!(output.status.success(), "initdb: {}", String::from_utf8_lossy(&output.stderr));
        let mut server = Server::start(account, &dir.join("said"), |socket_dir| {
            let mut command = account.command(&programs.join("postgres"));
            command.current_dir("/").arg("-D").arg(&data).arg("-k").arg(socket_dir);
            for setting in SETTINGS {
                command.args(["-c", setting]);
            }
            command
        })?;
        let connect = |socket_dir: &Path| {
            Config::new().host_path(socket_dir).user("compare").dbname("postgres").connect(NoTls)
        };
        let mut clients = Vec::new();
        for _ in 0..writers.unwrap_or(WRITERS) {
            clients.push(server.connect(connect)?);
        }
        clients.first_mut().context("no writers")?.batch_execute(SCHEMA)?;
        for client in &mut clients {
            client.batch_execute(STAGING)?;
        }
        Ok(Self { clients, server, version: version(&programs.join("postgres"))? })
    }
}

impl Engine for Postgresql {
    /// A text for each writer.
    type Batch = Vec<String>;
    /// Queries for each connection.
    type Values = Vec<Vec<Vec<String>>>;

    fn about(&self) -> (String, String) {
        let settings = format!(
            "{} connections, each COPY into a temporary table and one INSERT ... SELECT ... ON CONFLICT DO UPDATE \
             per batch; text primary key, btree by supplier, GIN by tags (int[]), fillfactor 50; lookups by = \
             ANY($1) of {QUERY_VALUES} values; initdb --locale=C; {}",
            self.clients.len(),
            SETTINGS.join(" "),
        );
        (self.version.clone(), settings)
    }

    fn server(&self) -> Option<u32> {
        Some(self.server.pid())
    }

    fn prepare(&self, rows: Vec<Row>) -> Vec<String> {
        let text = |rows: Vec<Row>| rows.iter().fold(String::new(), copy_line);
        deal(rows, self.clients.len()).into_iter().map(text).collect()
    }

    fn ask(&self, values: &[Indicator]) -> Self::Values {
        let texts = |values: &[Indicator]| values.iter().map(ToString::to_string).collect();
        deal(values.chunks(QUERY_VALUES).map(texts).collect(), self.clients.len())
    }

    fn push(&mut self, batch: &Vec<String>) -> Result<()> {
        side_by_side(self.clients.iter_mut().zip(batch), |(client, text)| {
            let mut transaction = client.transaction()?;
            let mut copy = transaction.copy_in("COPY staging FROM STDIN")?;
            copy.write_all(text.as_bytes())?;
            copy.finish()?;
            transaction.batch_execute(UPSERT)?;
            transaction.commit()?;
            Ok(0)
        })?;
        Ok(())
    }

    fn settle(&mut self) -> Result<()> {
        let client = self.clients.first_mut().context("no writers")?;
        Ok(client.batch_execute("VACUUM ANALYZE indicators")?)
    }

    fn look_up(&mut self, values: &Self::Values) -> Result<usize> {
        side_by_side(self.clients.iter_mut().zip(values), |(client, queries)| {
            let statement = client.prepare(QUERY)?;
            let mut found = 0;
            for query in queries {
                // A value that was asked for twice comes once.
                let rows = client.query(&statement, &[query])?;
                let answered: std::collections::BTreeSet<&str> =
                    rows.iter().map(|row| row.try_get(0)).collect::<Result<_, _>>()?;
                found += query.iter().filter(|value| answered.contains(value.as_str())).count();
            }
            Ok(found)
        })
    }
}

/// The programs of the newest version.
fn programs() -> Option<PathBuf> {
    let debian = fs::read_dir("/usr/lib/postgresql").into_iter().flatten().filter_map(Result::ok);
    let mut versions: Vec<_> = debian.map(|entry| entry.path().join("bin")).collect();
    versions.sort();
    let path = env::var_os("PATH")?;
    let others = env::split_paths(&path);
    versions.into_iter().rev().chain(others).find(|dir| dir.join("postgres").exists())
}

/// Appends a row in the text format of COPY.
fn copy_line(mut text: String, row: &Row) -> String {
    push_field(&row.indicator.to_string(), &mut text);
    text.push('\t');
    push_field(&row.context, &mut text);
    text.push_str("\t{");
    for (index, tag) in row.tags.iter().enumerate() {
        // Writing to a string does not fail.
        let _is_written = write!(text, "{}{tag}", if index == 0 { "" } else { "," }).is_ok();
    }
    text.push_str("}\n");
    text
}

fn push_field(field: &str, text: &mut String) {
    for character in field.chars() {
        match character {
            '\\' => text.push_str("\\\\"),
            '\t' => text.push_str("\\t"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            other => text.push(other),
        }
    }
}
