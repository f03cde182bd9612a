//! A plain HTTP/1.1 client on one connection: what a feed script does, and nothing that hides a failure.
//!
//! In: a request with a body in memory. Out: the status and the body of the answer, whole or piece by piece. An I/O
//! error means that the request was not answered; nothing is ever sent twice.

use std::{
    io::{self, BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use base64::{Engine as _, prelude::BASE64_STANDARD};

/// Longest wait for an answer.
const ANSWER_WAIT: Duration = Duration::from_mins(2);
/// Bodies up to this length go out with their head, in one write.
const SHORT_BODY_BYTES: usize = 16 << 10;
/// Bytes of an answer that are read at once; they stay in the cache until they are looked at.
const PIECE_BYTES: usize = 256 << 10;

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
    /// Body; empty when it was given away piece by piece.
    pub body: Vec<u8>,
    /// Seconds after which the server wants to be asked again.
    pub retry_after_seconds: Option<u64>,
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
        let mut whole = Vec::new();
        let answer =
            self.request_in_pieces(method, path, body, &mut |piece| whole.extend_from_slice(piece))?;
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
        let sent = connection.send(head.into_bytes(), body);
        let (answer, stays_open) = connection.receive(take)?;
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

    fn send(&mut self, mut head: Vec<u8>, body: &[u8]) -> io::Result<()> {
        let stream = self.0.get_mut();
        if body.len() <= SHORT_BODY_BYTES {
            head.extend_from_slice(body);
            return stream.write_all(&head);
        }
        stream.write_all(&head)?;
        stream.write_all(body)
    }

    fn receive(&mut self, take: &mut dyn FnMut(&[u8])) -> io::Result<(Answer, bool)> {
        let broken = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
        let line = self.line()?;
        let status = line.split(' ').nth(1).and_then(|code| code.parse().ok());
        let status: u16 = status.ok_or_else(|| broken("no status line"))?;
        let (mut length, mut stays_open, mut retry_after_seconds) = (None, true, None);
        loop {
            let line = self.line()?;
            if line.is_empty() {
                break;
            }
            let (name, value) = line.split_once(':').ok_or_else(|| broken("no header"))?;
            match name.to_ascii_lowercase().as_str() {
                "content-length" => length = value.trim().parse::<usize>().ok(),
                "connection" => stays_open = !value.trim().eq_ignore_ascii_case("close"),
                "retry-after" => retry_after_seconds = value.trim().parse().ok(),
                _ => {}
            }
        }
        let mut left = length.ok_or_else(|| broken("no content-length"))?;
        let mut piece = vec![0; left.min(PIECE_BYTES)];
        while 0 < left {
            let end = left.min(piece.len());
            let read = self.0.read(&mut piece[..end])?;
            if read == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            take(&piece[..read]);
            left -= read;
        }
        Ok((Answer { status, body: Vec::new(), retry_after_seconds }, stays_open))
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = String::new();
        if self.0.read_line(&mut line)? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        Ok(line.trim_end().to_owned())
    }
}
