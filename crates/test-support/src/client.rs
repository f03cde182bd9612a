//! The client of the daemon, for tests and tools: HTTP/1.1 on one connection, as a feed script has it, and nothing that
//! hides a failure. (The wire tests have another one, to the byte.)
//!
//! In: a request with a body in memory. Out: its answer, whole or piece by piece. [`Client::request`] sends a request
//! once, [`Client::ask`] again while the daemon is busy.

mod connection;

use std::{
    io,
    net::SocketAddr,
    thread,
    time::{Duration, Instant},
};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use serde_json::{Value, json};

pub use self::connection::Answer;
use self::connection::Connection;

/// Path of lookups.
pub const LOOKUP_PATH: &str = "/api/1.3/lookup";
/// What the result of a value that is stored says.
pub const DETECTED: &[u8] = b"\"result\":\"detected\"";
/// Pause after a refusal that names none.
const RETRY_WAIT: Duration = Duration::from_secs(1);
/// Longest time that a request is refused before it is given up.
const REFUSED_MAX: Duration = Duration::from_mins(5);

/// Path of the requests that push for a supplier.
pub fn indicators_path(supplier: &str) -> String {
    format!("/api/1.3/suppliers/{supplier}/indicators")
}

/// Where to ask, and as whom.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    credentials: String,
    connection: Option<Connection>,
}

/// A request whose body is sent piece by piece, as slowly as the caller likes.
#[derive(Debug)]
pub struct Upload(Connection);

impl Upload {
    /// Sends the next bytes of the body, as they are.
    ///
    /// # Errors
    ///
    /// When the server takes no more; it may have answered.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.send(Vec::new(), bytes)
    }

    /// Lets `pause` pass, unless the server answers meanwhile, or closes the connection; returns true if it does.
    ///
    /// # Errors
    ///
    /// When the connection breaks.
    pub fn is_answered_within(&mut self, pause: Duration) -> io::Result<bool> {
        self.0.is_answered_within(pause)
    }

    /// The answer.
    ///
    /// # Errors
    ///
    /// As of [`Client::request`].
    pub fn answer(mut self) -> io::Result<Answer> {
        let mut whole = Vec::new();
        let (answer, _) = self.0.receive(&mut |piece: &[u8]| whole.extend_from_slice(piece))?;
        Ok(Answer { body: whole, ..answer })
    }
}

/// What became of a request.
#[derive(Debug)]
pub struct Asked {
    /// The first answer that was not 429.
    pub answer: Answer,
    /// Answers of 429 before it.
    pub refusals: usize,
    /// From the first byte sent to the last byte of the answer, pauses included.
    pub latency: Duration,
}

impl Client {
    /// Asks the daemon at `address` with Basic credentials. Connects with the first request.
    pub fn new(address: SocketAddr, user: &str, password: &str) -> Self {
        let credentials = BASE64_STANDARD.encode(format!("{user}:{password}"));
        Self { address, credentials, connection: None }
    }

    /// Sends a request and waits for its answer.
    ///
    /// # Errors
    ///
    /// Any failure before the answer was complete; the next request connects anew.
    pub fn request(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        self.request_with(method, path, "", body)
    }

    /// The same, with more headers, each with its line break.
    ///
    /// # Errors
    ///
    /// As of [`request`](Self::request).
    pub fn request_with(
        &mut self,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<Answer> {
        let mut whole = Vec::new();
        let mut take = |piece: &[u8]| whole.extend_from_slice(piece);
        let answer = self.exchange((method, path, headers), body, &mut take)?;
        Ok(Answer { body: whole, ..answer })
    }

    /// Sends a request and hands the body of its answer to `take` as it arrives, whatever the status is.
    ///
    /// # Errors
    ///
    /// Any failure before the answer was complete; the next request connects anew.
    pub fn request_in_pieces(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
        take: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Answer> {
        self.exchange((method, path, ""), body, take)
    }

    fn exchange(
        &mut self,
        (method, path, headers): (&str, &str, &str),
        body: &[u8],
        take: &mut dyn FnMut(&[u8]),
    ) -> io::Result<Answer> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address)?,
        };
        let head = self.head((method, path), &format!("Content-Length: {}\r\n{headers}", body.len()));
        // A server that refuses from the head may close before it has read the body; its answer counts all the same.
        let sent = connection.send(head.into_bytes(), body);
        let (answer, stays_open) = connection.receive(take)?;
        if stays_open && sent.is_ok() {
            self.connection = Some(connection);
        }
        Ok(answer)
    }

    /// Sends the head of a request on a connection of its own; its body is sent piece by piece. `headers` tell how long that is.
    ///
    /// # Errors
    ///
    /// When the server cannot be reached.
    pub fn upload(&self, method: &str, path: &str, headers: &str) -> io::Result<Upload> {
        let mut connection = Connection::open(self.address)?;
        connection.send(self.head((method, path), headers).into_bytes(), b"")?;
        Ok(Upload(connection))
    }

    fn head(&self, (method, path): (&str, &str), headers: &str) -> String {
        let Self { address, credentials, .. } = self;
        format!(
            "{method} {path} HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {credentials}\r\n\
             Content-Type: application/json\r\n{headers}\r\n"
        )
    }

    /// Sends a request, and again after the pause that it is told while the daemon is busy.
    ///
    /// # Errors
    ///
    /// When the daemon is busy for too long, or does not answer.
    pub fn ask(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Asked> {
        let started = Instant::now();
        let mut refusals = 0;
        loop {
            let answer = self.request(method, path, body)?;
            if answer.status != 429 {
                return Ok(Asked { answer, refusals, latency: started.elapsed() });
            }
            refusals += 1;
            wait(&answer, started)?;
        }
    }

    /// Creates tags and a supplier.
    ///
    /// # Errors
    ///
    /// When something is not created. What is there already is not an error.
    pub fn prepare(&mut self, supplier: &str, tags: &[String]) -> io::Result<()> {
        for name in tags {
            self.create("/api/1.3/tags", &json!([{"name": name, "weight": 3}]))?;
        }
        let supplier = json!([{"name": supplier, "confidence": 80, "retention": 5_256_000}]);
        self.create("/api/1.3/suppliers", &supplier)
    }

    fn create(&mut self, path: &str, body: &Value) -> io::Result<()> {
        let answer = self.request("POST", path, body.to_string().as_bytes())?;
        // A kept directory has it already.
        if answer.status == 201 || answer.text().contains("already exists") {
            return Ok(());
        }
        Err(io::Error::other(format!("POST {path}: {} {}", answer.status, answer.text())))
    }
}

/// Lets pass what an answer of 429 asks for.
///
/// # Errors
///
/// When the request, which began at `started`, has been refused for too long.
pub fn wait(answer: &Answer, started: Instant) -> io::Result<()> {
    if REFUSED_MAX <= started.elapsed() {
        return Err(io::Error::other("the daemon is busy for too long"));
    }
    let seconds = answer.retry_after_seconds.map(Duration::from_secs);
    thread::park_timeout(seconds.unwrap_or(RETRY_WAIT).min(REFUSED_MAX));
    Ok(())
}
