//! What a daemon really answers to a bulk request when it has no room, and when it is not ready.
//!
//! In: its binary and a scratch directory. Out: both answers, byte by byte.

use std::{
    fs::{self, File},
    io::{BufReader, Write as _},
    net::{SocketAddr, TcpStream},
    path::Path,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};
use base64::{Engine as _, prelude::BASE64_STANDARD};
use test_support::daemon::{CREDENTIALS, Daemon};

use super::message::Message;

/// Bytes of memory for bodies: those of the longest one, of which a part is held.
const BUDGET_BYTES: usize = 128 << 20;
/// Bytes of the part, and of the request that then has no room.
const PART_BYTES: usize = 2 << 20;
/// Longest time until a daemon refuses; it waits for room by itself.
const REFUSED_WAIT: Duration = Duration::from_mins(1);

/// Both answers.
pub(super) struct Refusals {
    /// 429.
    pub(super) busy: Vec<u8>,
    /// 503.
    pub(super) not_ready: Vec<u8>,
}

impl Refusals {
    /// Takes them down.
    ///
    /// # Errors
    ///
    /// When a daemon does something else.
    pub(super) fn take(binary: &Path, dir: &Path) -> Result<Self> {
        fs::create_dir_all(dir)?;
        let budget = BUDGET_BYTES.to_string();
        let settings = [
            ("SLUICE_INGEST__BODY_BYTES_BUDGET", budget.as_str()),
            ("SLUICE_HTTP__BODY_STALL_SECONDS", "600"),
        ];
        let mut daemon = Daemon::start_with(binary, dir, &settings);
        daemon.wait_until_ready();
        let busy = busy(daemon.address())?;
        ensure!(daemon.terminate().success(), "the daemon that was busy does not stop well");
        // The storage engine waits for its own lock, so the daemon cannot get on.
        let engine = File::open(dir.join("data/trees/db")).context("no storage engine")?;
        engine.lock()?;
        let mut daemon = Daemon::start(binary, dir);
        let not_ready = ask(daemon.wait_for_address(), b"{\"delete\":{\"_id\":\"a.example.com\"}}\n")?;
        let is_right = not_ready.status() == 503 && not_ready.header("retry-after").is_some();
        ensure!(is_right, "a daemon that is not ready answers {}", not_ready.head);
        Ok(Self { busy, not_ready: not_ready.bytes() })
    }
}

/// The answer of a daemon whose memory another body holds.
fn busy(daemon: SocketAddr) -> Result<Vec<u8>> {
    let mut holder = TcpStream::connect(daemon)?;
    let head = head("PUT", "/api/1.3/suppliers/InternalTI/indicators", BUDGET_BYTES);
    holder.write_all(head.as_bytes())?;
    holder.write_all(format!("[{}", " ".repeat(PART_BYTES)).as_bytes())?;
    let began = Instant::now();
    while began.elapsed() < REFUSED_WAIT {
        // Until the part has arrived, there is room.
        let answer = ask(daemon, &vec![b'\n'; PART_BYTES])?;
        if answer.status() == 429 {
            ensure!(answer.header("retry-after").is_some(), "429 without Retry-After: {}", answer.head);
            return Ok(answer.bytes());
        }
    }
    bail!("the daemon always has room")
}

fn ask(daemon: SocketAddr, body: &[u8]) -> Result<Message> {
    let stream = TcpStream::connect(daemon)?;
    stream.set_read_timeout(Some(REFUSED_WAIT))?;
    // It may refuse before it has read all of it.
    drop((&stream).write_all(head("POST", "/es/_bulk", body.len()).as_bytes()));
    drop((&stream).write_all(body));
    let mut reader = BufReader::new(&stream);
    let mut answer = Message::read_head(&mut reader)?.context("no answer")?;
    answer.read_body(&mut reader)?;
    Ok(answer)
}

fn head(method: &str, path: &str, length: usize) -> String {
    let (user, password) = CREDENTIALS;
    let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
    format!(
        "{method} {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\nContent-Length: {length}\r\n\r\n"
    )
}
