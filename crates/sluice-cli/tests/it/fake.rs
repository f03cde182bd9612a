//! A daemon in distress, made up: takes one request after another and answers as the test says.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
};

/// Where it listens.
pub(crate) struct Fake {
    listener: TcpListener,
}

/// A request, received up to some point.
pub(crate) struct Received {
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
    stream: TcpStream,
}

impl Fake {
    /// Listens on a port of its own.
    pub(crate) fn start() -> Self {
        Self { listener: TcpListener::bind("127.0.0.1:0").unwrap() }
    }

    /// Its URL.
    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.listener.local_addr().unwrap())
    }

    /// Receives the next request as a whole, on a connection of its own.
    pub(crate) fn receive(&self) -> Received {
        let mut received = self.receive_head();
        let head = received.head.to_ascii_lowercase();
        let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
        let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
        received.stream.read_exact(&mut body).unwrap();
        received.body = body;
        received
    }

    /// Receives the head of the next request alone.
    pub(crate) fn receive_head(&self) -> Received {
        let (mut stream, _) = self.listener.accept().unwrap();
        let mut head = Vec::new();
        let mut byte = [0];
        while !head.ends_with(b"\r\n\r\n") {
            stream.read_exact(&mut byte).unwrap();
            head.push(byte[0]);
        }
        Received { head: String::from_utf8(head).unwrap(), body: Vec::new(), stream }
    }

    /// Whether another connection waits.
    pub(crate) fn has_more(&self) -> bool {
        self.listener.set_nonblocking(true).unwrap();
        self.listener.accept().is_ok()
    }

    /// Receives a request as a whole and answers it.
    pub(crate) fn take(&self, status: u16, headers: &str, body: &str) -> Received {
        let mut received = self.receive();
        received.write(status, headers, body);
        received
    }
}

impl Received {
    /// Answers, and closes the connection.
    pub(crate) fn answer(mut self, status: u16, headers: &str, body: &str) {
        self.write(status, headers, body);
    }

    /// Answers with these bytes, and closes the connection.
    pub(crate) fn answer_raw(mut self, bytes: &str) {
        self.stream.write_all(bytes.as_bytes()).unwrap();
    }

    /// Answers with the beginning of a body, and closes the connection.
    pub(crate) fn break_off(mut self, body: &str, length: usize) {
        let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {}\r\n\r\n", body.len());
        self.stream.write_all(head.as_bytes()).unwrap();
        self.stream.write_all(&body.as_bytes()[..length]).unwrap();
    }

    /// Answers with a body that is written while it is made.
    pub(crate) fn answer_long(mut self, length: usize, write: impl FnOnce(&mut TcpStream)) {
        let head = format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
        self.stream.write_all(head.as_bytes()).unwrap();
        write(&mut self.stream);
    }

    /// Answers, and waits until the client has closed the connection, while the body may still come; gives how much of it came.
    pub(crate) fn answer_early(mut self, status: u16, headers: &str, body: &str) -> u64 {
        self.write(status, headers, body);
        std::io::copy(&mut self.stream, &mut std::io::sink()).unwrap_or(0)
    }

    /// Its body, to be read as it comes.
    pub(crate) fn body_as_it_comes(&self) -> TcpStream {
        self.stream.try_clone().unwrap()
    }

    /// The key that the client has given it.
    pub(crate) fn key(&self) -> &str {
        self.head.lines().find_map(|line| line.strip_prefix("idempotency-key: ")).unwrap_or("")
    }

    /// A receipt names the request that it is for.
    fn write(&mut self, status: u16, headers: &str, body: &str) {
        let body = body.replacen("{\"rows\"", &format!("{{\"batch\":\"{}\",\"rows\"", self.key()), 1);
        let head = format!(
            "HTTP/1.1 {status} Reason\r\nConnection: close\r\nContent-Length: {}\r\n{headers}\r\n",
            body.len()
        );
        self.stream.write_all(format!("{head}{body}").as_bytes()).unwrap();
    }
}
