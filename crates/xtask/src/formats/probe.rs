//! Questions to programs, over HTTP and DNS, and what it takes to run them.
//!
//! In: an address and a question. Out: the answer as it came. No answer within a few seconds is an error.

use std::{
    io::{Read as _, Write as _},
    net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream, UdpSocket},
    process::Command,
    thread,
    time::{Duration, Instant},
};

use anyhow::{Context as _, Result, bail, ensure};

use crate::program::RunningProgram;

/// Longest wait for an answer.
const ANSWER_WAIT: Duration = Duration::from_secs(20);
/// Longest wait for a program to take connections, or to answer at all.
const READY_WAIT: Duration = Duration::from_mins(1);
/// Pause between two looks.
const LOOK_INTERVAL: Duration = Duration::from_millis(50);
/// Time after which a question is asked again: datagrams may be lost.
const DATAGRAM_WAIT: Duration = Duration::from_secs(3);

/// What a server of HTTP has answered.
pub(super) struct HttpAnswer {
    pub(super) status: u16,
    head: String,
    pub(super) body: String,
}

/// What a resolver has answered.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct DnsAnswer {
    /// Code of the answer; 3 if there is no such name.
    pub(super) code: u8,
    pub(super) addresses: Vec<IpAddr>,
}

impl HttpAnswer {
    /// The value of a header.
    pub(super) fn header(&self, name: &str) -> Option<String> {
        for line in self.head.lines() {
            if let Some((known, value)) = line.split_once(": ")
                && known.eq_ignore_ascii_case(name)
            {
                return Some(value.to_owned());
            }
        }
        None
    }
}

/// Asks a server of HTTP for a target, with more headers.
pub(super) fn get(address: SocketAddr, target: &str, headers: &str) -> Result<HttpAnswer> {
    let host = if headers.contains("Host:") { "" } else { "Host: localhost\r\n" };
    let mut connection = TcpStream::connect(address)?;
    connection.set_read_timeout(Some(ANSWER_WAIT))?;
    write!(connection, "GET {target} HTTP/1.1\r\n{host}{headers}Connection: close\r\n\r\n")?;
    let mut bytes = Vec::new();
    connection.read_to_end(&mut bytes)?;
    let text = String::from_utf8(bytes)?;
    let (head, body) = text.split_once("\r\n\r\n").with_context(|| format!("no answer: {text:?}"))?;
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok());
    Ok(HttpAnswer {
        status: status.with_context(|| format!("no status: {head:?}"))?,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}

/// Asks a resolver for addresses of a name, of version 6 if so wanted.
pub(super) fn resolve(port: u16, name: &str, wants_v6: bool) -> Result<DnsAnswer> {
    let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0))?;
    socket.connect((Ipv4Addr::LOCALHOST, port))?;
    socket.set_read_timeout(Some(DATAGRAM_WAIT))?;
    let mut query = vec![0x51, 0x1c, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0];
    for label in name.split('.') {
        query.push(u8::try_from(label.len())?);
        query.extend_from_slice(label.as_bytes());
    }
    query.extend_from_slice(&[0, 0, if wants_v6 { 28 } else { 1 }, 0, 1]);
    let (began, mut answer) = (Instant::now(), [0; 4_096]);
    while began.elapsed() < ANSWER_WAIT {
        socket.send(&query)?;
        if let Ok(length) = socket.recv(&mut answer) {
            return read_answer(answer.get(..length).unwrap_or(&[]), query.len());
        }
        thread::sleep(LOOK_INTERVAL);
    }
    bail!("nobody answers for {name}");
}

/// Reads code and addresses behind a question of so many bytes.
fn read_answer(answer: &[u8], question_bytes: usize) -> Result<DnsAnswer> {
    let code = answer.get(3).context("the answer is cut")? & 0x0f;
    let count = answer.get(7).context("the answer is cut")?;
    let (mut rest, mut addresses) = (answer.get(question_bytes..).unwrap_or(&[]), Vec::new());
    for _ in 0..*count {
        // The owner: a pointer, or labels up to an empty one.
        while let Some((length, behind)) = rest.split_first() {
            let skipped = if *length < 0xc0 { usize::from(*length) } else { 1 };
            rest = behind.get(skipped..).unwrap_or(&[]);
            if *length == 0 || 0xc0 <= *length {
                break;
            }
        }
        let Some(([_, kind, _, _, _, _, _, _, high, low], behind)) = rest.split_first_chunk::<10>() else {
            break;
        };
        let (data, behind) =
            behind.split_at(usize::from(u16::from_be_bytes([*high, *low])).min(behind.len()));
        match (kind, <[u8; 4]>::try_from(data), <[u8; 16]>::try_from(data)) {
            (1, Ok(v4), _) => addresses.push(Ipv4Addr::from(v4).into()),
            (28, _, Ok(v6)) => addresses.push(Ipv6Addr::from(v6).into()),
            _ => {}
        }
        rest = behind;
    }
    Ok(DnsAnswer { code, addresses })
}

/// Waits until a resolver answers.
pub(super) fn wait_for_resolver(program: &mut RunningProgram, port: u16) -> Result<()> {
    let began = Instant::now();
    loop {
        ensure!(program.ended()?.is_none(), "it has ended by itself: {}", program.said());
        match resolve(port, "ready.example.com", false) {
            Ok(answer) if answer.code == 0 => return Ok(()),
            _ if READY_WAIT < began.elapsed() => bail!("it does not answer: {}", program.said()),
            _ => thread::sleep(LOOK_INTERVAL),
        }
    }
}

/// Waits until a program takes connections.
pub(super) fn wait_for_server(program: &mut RunningProgram, address: SocketAddr) -> Result<()> {
    let began = Instant::now();
    while TcpStream::connect(address).is_err() {
        ensure!(program.ended()?.is_none(), "it has ended by itself: {}", program.said());
        ensure!(began.elapsed() < READY_WAIT, "it takes no connections: {}", program.said());
        thread::sleep(LOOK_INTERVAL);
    }
    Ok(())
}

/// A port that nobody has now.
pub(super) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port())
}

/// The version of a program: the first word of what it prints that begins with a digit; `None` if it is not installed.
pub(super) fn version(program: &str, arguments: &[&str]) -> Result<Option<String>> {
    let Ok(output) = Command::new(program).args(arguments).output() else { return Ok(None) };
    let printed = String::from_utf8([output.stdout, output.stderr].concat())?;
    for word in printed.split(|sign: char| sign.is_whitespace() || sign == '/') {
        let word = word.trim_start_matches(['v', 'V', '(']).trim_end_matches([',', ')', ';']);
        if word.starts_with(|sign: char| sign.is_ascii_digit()) && word.contains('.') {
            return Ok(Some(word.to_owned()));
        }
    }
    bail!("{program} tells no version: {printed}");
}
