//! Redis with an append-only file: a string for each indicator, a set for each supplier and tag.
//!
//! In: rows folded into few commands in its wire format. Out: replies, each sent after the file was synced. Redis syncs
//! once for what it reads at a time, 16 KiB, unless that is the middle of a command: so many rows share each command.
//! Indicators are not taken out of the sets of tags that they lose, which would need their old tags first.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    os::unix::net::UnixStream,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result, bail};
use sluice_model::Indicator;

use crate::{
    engine::{Engine, side_by_side},
    rows::Row,
    server::{Account, Server, version},
};

/// Rows of each group of commands: one MSET, and one SADD for each set.
const GROUP_ROWS: usize = 10_000;
/// Values of one MGET.
const QUERY_VALUES: usize = 1_000;

const SETTINGS: [&str; 14] = [
    "--port",
    "0",
    "--save",
    "",
    "--appendonly",
    "yes",
    "--appendfsync",
    "always",
    "--auto-aof-rewrite-percentage",
    "0",
    "--loglevel",
    "warning",
    "--databases",
    "1",
];

/// A running server without keys.
pub(crate) struct Redis {
    connection: Connection,
    server: Server,
    version: String,
}

/// Commands in the wire format, and how many replies they have.
pub(crate) struct Commands {
    bytes: Vec<u8>,
    count: usize,
}

impl Redis {
    /// Starts a server with its file in a directory.
    pub(crate) fn start(dir: &Path, _writers: Option<usize>) -> Result<Self> {
        let program = PathBuf::from("redis-server");
        let version = version(&program).context("Redis is not installed (Debian: redis-server)")?;
        let mut server = Server::start(Account::Ours, &dir.join("said"), |socket_dir| {
            let mut command = Account::Ours.command(&program);
            command.args(SETTINGS).arg("--dir").arg(dir);
            command.arg("--unixsocket").arg(socket_dir.join("redis"));
            command
        })?;
        let stream = server.connect(|socket_dir| UnixStream::connect(socket_dir.join("redis")))?;
        Ok(Self { connection: Connection(BufReader::with_capacity(1 << 20, stream)), server, version })
    }
}

impl Engine for Redis {
    type Batch = Commands;
    type Values = Commands;

    fn about(&self) -> (String, String) {
        let settings = format!(
            "one connection, pipelined, commands made before: MSET and SADD of {GROUP_ROWS} rows each; lookups by MGET \
             of {QUERY_VALUES} values; {}",
            SETTINGS.join(" "),
        );
        (self.version.clone(), settings)
    }

    fn server(&self) -> Option<u32> {
        Some(self.server.pid())
    }

    fn prepare(&self, rows: Vec<Row>) -> Commands {
        let mut commands = Commands { bytes: Vec::new(), count: 0 };
        for group in rows.chunks(GROUP_ROWS) {
            push_group(group, &mut commands);
        }
        commands
    }

    fn ask(&self, values: &[Indicator]) -> Commands {
        let mut commands = Commands { bytes: Vec::new(), count: 0 };
        for values in values.chunks(QUERY_VALUES) {
            commands.push("MGET", values.iter().map(key).collect::<Vec<_>>().iter().map(Vec::as_slice));
        }
        commands
    }

    fn push(&mut self, batch: &Commands) -> Result<()> {
        self.connection.exchange(batch)?;
        Ok(())
    }

    fn look_up(&mut self, values: &Commands) -> Result<usize> {
        self.connection.exchange(values)
    }
}

fn key(indicator: &Indicator) -> Vec<u8> {
    [b"i:", indicator.to_string().as_bytes()].concat()
}

/// Appends the commands for some rows. The last of equal indicators counts, as MSET has it too.
fn push_group(rows: &[Row], commands: &mut Commands) {
    let names: Vec<_> = rows.iter().map(|row| row.indicator.to_string()).collect();
    let keys: Vec<_> = rows.iter().map(|row| key(&row.indicator)).collect();
    let values: Vec<_> = rows.iter().map(|row| format!("{:?} {}", row.tags, row.context)).collect();
    let pairs = keys.iter().zip(&values).flat_map(|(key, value)| [key.as_slice(), value.as_bytes()]);
    commands.push("MSET", pairs);
    let members = names.iter().map(String::as_bytes);
    commands.push("SADD", std::iter::once(b"s:1".as_slice()).chain(members));
    let mut tagged: BTreeMap<u32, Vec<&[u8]>> = BTreeMap::new();
    for (row, name) in rows.iter().zip(&names) {
        for tag in &row.tags {
            tagged.entry(*tag).or_default().push(name.as_bytes());
        }
    }
    for (tag, members) in tagged {
        let set = format!("t:{tag}");
        commands.push("SADD", std::iter::once(set.as_bytes()).chain(members));
    }
}

impl Commands {
    fn push<'a>(&mut self, name: &'a str, arguments: impl Iterator<Item = &'a [u8]>) {
        let mut count = 0;
        let mut body = Vec::new();
        for argument in std::iter::once(name.as_bytes()).chain(arguments) {
            count += 1;
            body.extend_from_slice(format!("${}\r\n", argument.len()).as_bytes());
            body.extend_from_slice(argument);
            body.extend_from_slice(b"\r\n");
        }
        self.bytes.extend_from_slice(format!("*{count}\r\n").as_bytes());
        self.bytes.append(&mut body);
        self.count += 1;
    }
}

struct Connection(BufReader<UnixStream>);

impl Connection {
    /// Sends commands while it reads their replies; gives how many values the replies hold.
    fn exchange(&mut self, commands: &Commands) -> Result<usize> {
        let stream = self.0.get_ref().try_clone()?;
        let mut reader = Some(self);
        let parts = [None, reader.take()];
        side_by_side(parts, |part| {
            let Some(connection) = part else {
                (&stream).write_all(&commands.bytes)?;
                return Ok(0);
            };
            (0..commands.count).map(|_| connection.reply()).sum()
        })
    }

    /// Reads a reply and counts the strings in it that are there.
    fn reply(&mut self) -> Result<usize> {
        let mut line = String::new();
        self.0.read_line(&mut line)?;
        let (sort, rest) = line.trim_end().split_at_checked(1).context("the connection was closed")?;
        match sort {
            "+" | ":" => Ok(0),
            "$" => {
                let Ok(length) = rest.parse::<u64>() else { return Ok(0) };
                let skipped = std::io::copy(&mut self.0.by_ref().take(length + 2), &mut std::io::sink())?;
                Ok(usize::from(skipped == length + 2))
            }
            "*" => (0..rest.parse::<usize>()?).map(|_| self.reply()).sum(),
            _ => bail!("Redis says {line}"),
        }
    }
}
