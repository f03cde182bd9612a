//! A plain HTTP/1.1 client on one connection: what a feed script does, and nothing that hides a failure.
//!
//! In: a request with a body in memory. Out: the status and the body of the answer. An I/O error means that the
//! request was not answered; nothing is ever sent twice.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Longest wait for an answer.
const ANSWER_WAIT: Duration = Duration::from_mins(2);

/// Where to ask, and as whom.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    credentials: String,
    connection: Option<Connection>,
}

#[derive(Debug)]
struct Connection(BufReader<TcpStream>);

/// An answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Answer {
    /// Status code.
    pub status: u16,
    /// Body.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
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
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => Connection::open(self.address)?,
        };
        let head = format!(
            "{method} {path} HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {}\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\n\r\n",
            self.address,
            self.credentials,
            body.len()
        );
        // A server that refuses from the head may close before it has read the body; its answer counts all the same.
        let sent = connection.send(head.as_bytes(), body);
        let (answer, stays_open) = connection.receive()?;
        if stays_open && sent.is_ok() {
            self.connection = Some(connection);
        }
        Ok(answer)
    }
}

impl Connection {
    fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(ANSWER_WAIT))?;
        stream.set_write_timeout(Some(ANSWER_WAIT))?;
        Ok(Self(BufReader::new(stream)))
    }

    fn send(&mut self, head: &[u8], body: &[u8]) -> io::Result<()> {
        let stream = self.0.get_mut();
        stream.write_all(head)?;
        stream.write_all(body)
    }

    fn receive(&mut self) -> io::Result<(Answer, bool)> {
        let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: u16 = status.ok_or_else(|| broken("no status line"))?;
        let (mut length, mut stays_open) = (None, true);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| broken("no header"))?;
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse::<usize>().ok(),
                "connection" => stays_open = !value.trim().eq_ignore_ascii_case("close"),
                _ => {}
            }
        }
        let mut body = vec![0; length.ok_or_else(|| broken("no content-length"))?];
        self.0.read_exact(&mut body)?;
        Ok((Answer { status, body }, stays_open))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
