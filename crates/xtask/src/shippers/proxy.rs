//! A proxy before a daemon that lets some bulk requests fail.
//!
//! In: the daemon's address and a fault. Out: an address of its own. It counts bulk requests over all connections, and what
//! happens to which is always the same. Everything else goes through. It ends when it is dropped.

use std::{
    io::{self, BufReader, Write as _},
    net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU32, Ordering},
    },
    thread::{Builder, JoinHandle},
    time::Duration,
};

use super::message::Message;

/// Longest silence of either side.
const SILENCE_MAX: Duration = Duration::from_mins(1);

/// What happens to some bulk requests.
#[derive(Clone, Debug)]
pub(super) enum ProxyFault {
    /// Nothing.
    None,
    /// They are not passed on, and get this answer.
    Answer(Vec<u8>),
    /// The connection is cut in the middle of the request, or of the answer, in turn.
    Cut,
}

/// A running proxy.
pub(super) struct Proxy {
    pub(super) address: SocketAddr,
    shared: Arc<SharedProxy>,
    thread: Option<JoinHandle<()>>,
}

struct SharedProxy {
    daemon: SocketAddr,
    fault: ProxyFault,
    bulk_requests: AtomicU32,
    faults: AtomicU32,
    is_ending: AtomicBool,
}

impl Proxy {
    /// Starts.
    ///
    /// # Errors
    ///
    /// When there is no port or no thread.
    pub(super) fn start(daemon: SocketAddr, fault: ProxyFault) -> io::Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let address = listener.local_addr()?;
        let (bulk_requests, faults, is_ending) =
            (AtomicU32::new(0), AtomicU32::new(0), AtomicBool::new(false));
        let shared = Arc::new(SharedProxy { daemon, fault, bulk_requests, faults, is_ending });
        let accepting = Arc::clone(&shared);
        let accept = move || {
            for client in listener.incoming().map_while(Result::ok) {
                if accepting.is_ending.load(Ordering::Relaxed) {
                    return;
                }
                let serving = Arc::clone(&accepting);
                // A connection that breaks is what this is about.
                let serve = move || drop(serving.serve(&client));
                drop(Builder::new().name("proxied".to_owned()).spawn(serve));
            }
        };
        let thread = Some(Builder::new().name("proxy".to_owned()).spawn(accept)?);
        Ok(Self { address, shared, thread })
    }

    /// How many bulk requests came, and how many of them failed.
    pub(super) fn counts(&self) -> (u32, u32) {
        (self.shared.bulk_requests.load(Ordering::Relaxed), self.shared.faults.load(Ordering::Relaxed))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.shared.is_ending.store(true, Ordering::Relaxed);
        // It wakes up.
        drop(TcpStream::connect(self.address));
        if let Some(thread) = self.thread.take() {
            drop(thread.join());
        }
    }
}

impl SharedProxy {
    fn serve(&self, client: &TcpStream) -> io::Result<()> {
        client.set_read_timeout(Some(SILENCE_MAX))?;
        client.set_nodelay(true)?;
        let (mut from_client, mut to_client) = (BufReader::new(client), client);
        let daemon = TcpStream::connect(self.daemon)?;
        daemon.set_read_timeout(Some(SILENCE_MAX))?;
        daemon.set_nodelay(true)?;
        let (mut from_daemon, mut to_daemon) = (BufReader::new(&daemon), &daemon);
        while let Some(mut request) = Message::read_head(&mut from_client)? {
            if request.header("expect").is_some() {
                to_client.write_all(b"HTTP/1.1 100 Continue\r\n\r\n")?;
                request.remove_header("expect");
            }
            request.read_body(&mut from_client)?;
            let nth =
                if request.is_bulk() { 1 + self.bulk_requests.fetch_add(1, Ordering::Relaxed) } else { 0 };
            let is_hit = is_hit(nth) && !matches!(self.fault, ProxyFault::None);
            if is_hit {
                self.faults.fetch_add(1, Ordering::Relaxed);
            }
            let whole = request.bytes();
            match &self.fault {
                ProxyFault::Answer(answer) if is_hit => {
                    to_client.write_all(answer)?;
                    continue;
                }
                ProxyFault::Cut if is_hit && nth.is_multiple_of(2) => {
                    let part = request.head.len() + request.body.len() / 2;
                    to_daemon.write_all(whole.get(..part).unwrap_or_default())?;
                    return client.shutdown(Shutdown::Both);
                }
                _ => to_daemon.write_all(&whole)?,
            }
            let Some(mut answer) = Message::read_head(&mut from_daemon)? else { return Ok(()) };
            if !request.head.starts_with("HEAD ") {
                answer.read_body(&mut from_daemon)?;
            }
            let whole = answer.bytes();
            if is_hit {
                to_client.write_all(whole.get(..whole.len() / 2).unwrap_or_default())?;
                return client.shutdown(Shutdown::Both);
            }
            to_client.write_all(&whole)?;
            if answer.ends_connection() {
                return client.shutdown(Shutdown::Both);
            }
        }
        Ok(())
    }
}

/// Which bulk requests fail, counted from 1: two in a row, then one of four.
fn is_hit(nth: u32) -> bool {
    nth == 2 || nth == 3 || (nth != 0 && nth % 4 == 2)
}

#[cfg(test)]
mod tests;
