//! The smallest client that shows every byte of an answer, and can send every byte of a request.
//!
//! In: raw bytes. Out: answers, one at a time, interim ones included. Every final answer is held to the shape that
//! all answers have: JSON array, its length declared, and a status sentence and a reason when it is an error.

use std::{
    io::{self, BufRead as _, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

use serde_json::Value;

/// Longest wait for the next byte of an answer; a daemon that takes longer hangs.
pub(crate) const HANG_GUARD: Duration = Duration::from_mins(1);

/// A parsed answer.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Answer {
    /// Value of a header.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (found, value) = line.split_once(": ")?;
            found.eq_ignore_ascii_case(name).then_some(value)
        })
    }

    /// The `reason` of an error.
    #[track_caller]
    pub(crate) fn reason(&self) -> String {
        let body: Value = serde_json::from_str(&self.body).unwrap();
        body[0]["reason"].as_str().unwrap_or_else(|| panic!("no reason: {self:?}")).to_owned()
    }

    #[track_caller]
    fn check_shape(&self) {
        assert_eq!(self.header("content-type"), Some("application/json"), "{self:?}");
        assert!(self.body.starts_with('[') && self.body.ends_with(']'), "{self:?}");
        // Huge answers are compared as text by those who asked for them.
        if self.status < 400 || self.body == "[]" || 100_000 < self.body.len() {
            return;
        }
        let body: Value = serde_json::from_str(&self.body).unwrap();
        let [Value::Object(problem)] = body.as_array().unwrap().as_slice() else { panic!("{self:?}") };
        assert_eq!(problem.len(), 2, "{self:?}");
        for name in ["status", "reason"] {
            assert!(!problem[name].as_str().unwrap().is_empty(), "{self:?}");
        }
        let has_retry = matches!(self.status, 425 | 429);
        let seconds = self.header("retry-after").map(|text| text.parse::<u32>().unwrap());
        assert!(!has_retry || (1..=60).contains(&seconds.unwrap()), "{self:?}");
    }
}

fn is_end(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::InvalidData)
}

/// One connection.
pub(crate) struct Connection<Stream: Read + Write = TcpStream> {
    stream: BufReader<Stream>,
}

impl Connection {
    /// Connects; gives up reading after [`HANG_GUARD`].
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::over(TcpStream::connect(address).unwrap())
    }

    /// Takes a connected socket.
    pub(crate) fn over(stream: TcpStream) -> Self {
        stream.set_read_timeout(Some(HANG_GUARD)).unwrap();
        stream.set_write_timeout(Some(HANG_GUARD)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self::through(stream)
    }
}

impl<Stream: Read + Write> Connection<Stream> {
    /// Speaks through any stream.
    pub(crate) fn through(stream: Stream) -> Self {
        Self { stream: BufReader::with_capacity(1 << 16, stream) }
    }

    /// Sends bytes; tells whether the other side still took them.
    pub(crate) fn send(&mut self, bytes: &[u8]) -> bool {
        let stream = self.stream.get_mut();
        stream.write_all(bytes).and_then(|()| stream.flush()).is_ok()
    }

    /// Sends bytes as one chunk of a chunked body; no bytes end it.
    pub(crate) fn send_chunk(&mut self, bytes: &[u8]) -> bool {
        let size = format!("{:x}\r\n", bytes.len());
        self.send(&[size.as_bytes(), bytes, b"\r\n"].concat())
    }

    /// Reads the next answer; `None` when the other side has closed the connection.
    #[track_caller]
    pub(crate) fn receive(&mut self) -> Option<Answer> {
        let answer = self.receive_text()?;
        if 200 <= answer.status {
            answer.check_shape();
        }
        Some(answer)
    }

    /// Reads the next answer, which need not be JSON.
    #[track_caller]
    pub(crate) fn receive_text(&mut self) -> Option<Answer> {
        let head = self.receive_head()?;
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        let mut answer = Answer { status, head, body: String::new() };
        if status < 200 || matches!(status, 204 | 304) {
            return Some(answer);
        }
        if answer.header("transfer-encoding") == Some("chunked") {
            while let Some(chunk) = self.receive_chunk() {
                answer.body.push_str(&chunk);
            }
            return Some(answer);
        }
        let length = answer.header("content-length").unwrap_or_else(|| panic!("no length: {answer:?}"));
        let mut body = vec![0; length.parse().unwrap()];
        self.stream.read_exact(&mut body).unwrap();
        answer.body = String::from_utf8(body).unwrap();
        Some(answer)
    }

    /// Reads the body of an answer whose head was read.
    #[track_caller]
    pub(crate) fn receive_bytes(&mut self, length: usize) -> Vec<u8> {
        let mut bytes = vec![0; length];
        self.stream.read_exact(&mut bytes).unwrap();
        bytes
    }

    /// Reads the head of the next answer, as if it had no body; `None` as of [`Connection::receive`].
    #[track_caller]
    pub(crate) fn receive_head(&mut self) -> Option<String> {
        let mut head = String::new();
        loop {
            let before = head.len();
            match self.stream.read_line(&mut head) {
                Ok(0) if head.is_empty() => return None,
                // A refused body may end in a reset instead of an end, and a refused certificate in an alert.
                Err(error) if head.is_empty() && is_end(&error) => return None,
                Ok(0) | Err(_) => panic!("the answer breaks off: {head:?}"),
                Ok(_) if &head[before..] == "\r\n" => return Some(head),
                Ok(_) => {}
            }
        }
    }

    /// Reads the next chunk of an answer that comes in chunks; `None` at its end.
    #[track_caller]
    pub(crate) fn receive_chunk(&mut self) -> Option<String> {
        self.receive_chunk_bytes().map(|chunk| String::from_utf8(chunk).unwrap())
    }

    /// The same as bytes.
    #[track_caller]
    pub(crate) fn receive_chunk_bytes(&mut self) -> Option<Vec<u8>> {
        let mut size = String::new();
        self.stream.read_line(&mut size).unwrap();
        let bytes =
            usize::from_str_radix(size.trim_end(), 16).unwrap_or_else(|_| panic!("no chunk: {size:?}"));
        let mut chunk = vec![0; bytes + 2];
        self.stream.read_exact(&mut chunk).unwrap();
        assert!(chunk.ends_with(b"\r\n"), "{chunk:?}");
        chunk.truncate(bytes);
        (bytes != 0).then_some(chunk)
    }

    /// Reads the next answer, which must come.
    #[track_caller]
    pub(crate) fn answer(&mut self) -> Answer {
        self.receive().expect("the connection was closed without an answer")
    }

    /// Insists that nothing more comes.
    #[track_caller]
    pub(crate) fn check_closed(&mut self) {
        if let Some(answer) = self.receive() {
            panic!("expected the end of the connection: {answer:?}");
        }
    }
}
