//! Sockets that a service manager holds, or keeps for the daemon: over restarts and kills, nobody who connects is refused.

use std::{
    fs::File,
    io::{ErrorKind, IoSliceMut, Write as _},
    mem::MaybeUninit,
    net::{SocketAddr, TcpListener, TcpStream},
    os::{
        fd::OwnedFd,
        unix::net::{UnixDatagram, UnixListener},
    },
    process::{Command, Stdio},
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
    thread,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg},
};
use sluice_server::{Phase, ServeError};

use crate::{
    client::Connection,
    daemon::{Running, as_user, request, wait_until},
    process::{Process, SOCKET_SETUP, as_administrator},
};

/// A daemon that answers does so many times within it.
const UNANSWERED_TIME: Duration = Duration::from_millis(300);

const LOOKUP: &[u8] = br#"[{"object":"kept.activation.example.com"}]"#;

fn socket() -> TcpListener {
    TcpListener::bind("127.0.0.1:0").unwrap()
}

/// Clients that ask over connections of their own, again and again.
struct Clients {
    is_over: AtomicBool,
    /// Answers so far.
    answers: AtomicUsize,
}

impl Clients {
    /// Runs `work` while so many clients ask; each of them must be answered, and well.
    fn during(socket: &TcpListener, count: usize, work: impl FnOnce(&Self)) {
        let clients = Self { is_over: AtomicBool::new(false), answers: AtomicUsize::new(0) };
        let address = socket.local_addr().unwrap();
        thread::scope(|scope| {
            for number in 0..count {
                let (clients, name) = (&clients, format!("client-{number}"));
                let ask = move || {
                    while !clients.is_over.load(Ordering::SeqCst) {
                        let mut connection = Connection::over(TcpStream::connect(address).unwrap());
                        let lookup = request("POST", "/api/1.0/lookup", &as_administrator(), LOOKUP);
                        assert!(connection.send(&lookup));
                        assert_eq!(connection.answer().status, 200);
                        clients.answers.fetch_add(1, Ordering::SeqCst);
                    }
                };
                thread::Builder::new().name(name).spawn_scoped(scope, ask).unwrap();
            }
            // A test that fails here ends the clients, too.
            let over = Over(&clients);
            work(&clients);
            drop(over);
        });
    }

    /// Waits until so many more answers have come.
    fn wait_for(&self, more: usize) {
        let before = self.answers.load(Ordering::SeqCst);
        wait_until("the clients are answered", || before + more <= self.answers.load(Ordering::SeqCst));
    }
}

struct Over<'c>(&'c Clients);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

#[test]
fn a_restart_under_load_refuses_nobody() {
    let (socket, dir) = (socket(), Arc::new(tempfile::tempdir().unwrap()));
    let mut process = Process::activated(&socket, &dir);
    assert_eq!(process.address(), socket.local_addr().unwrap());
    let put = br#"[{"indicator":"kept.activation.example.com"}]"#;
    assert_eq!(process.ask("PUT", "/api/1.0/suppliers/InternalTI/indicators", put).status, 201);
    Clients::during(&socket, 4, |clients| {
        for _ in 0..4 {
            clients.wait_for(20);
            process.terminate();
            assert!(process.wait().success(), "{}", process.said());
            process = Process::activated(&socket, &dir);
        }
        clients.wait_for(20);
    });
    process.terminate();
    assert!(process.wait().success());
    let said = process.said();
    assert!(said.contains("listens on a socket of the service manager"), "{said}");
    assert!(said.contains(&format!("addresses=[{}]", process.address())), "{said}");
}

/// Requests in flight are lost with the daemon; whoever connects afterwards is served by the next one.
#[test]
fn a_kill_refuses_nobody_who_connects() {
    let (socket, dir) = (socket(), Arc::new(tempfile::tempdir().unwrap()));
    let address = socket.local_addr().unwrap();
    let mut process = Process::activated(&socket, &dir);
    for _ in 0..3 {
        process.kill();
        let waiting = (0..20).map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            stream.write_all(&request("POST", "/api/1.0/lookup", &as_administrator(), LOOKUP)).unwrap();
            Connection::over(stream)
        });
        let waiting: Vec<_> = waiting.collect();
        process = Process::activated(&socket, &dir);
        for mut connection in waiting {
            assert_eq!(connection.answer().status, 200);
        }
    }
}

/// Nobody is told that the store is still opening who can wait for it.
#[test]
fn connections_wait_for_the_store() {
    let (socket, dir) = (socket(), Arc::new(tempfile::tempdir().unwrap()));
    let start = || Running::open_on(vec![socket.try_clone().unwrap()], Arc::clone(&dir), &[]).unwrap();
    let first = start();
    first.wait_for(Phase::Ready);
    drop(first);
    // The storage engine waits for its own lock, so the daemon cannot get on.
    let engine = File::open(dir.path().join("trees/db")).unwrap();
    flock(&engine, FlockOperation::LockExclusive).unwrap();
    let second = start();
    let mut waiting = TcpStream::connect(socket.local_addr().unwrap()).unwrap();
    waiting.write_all(&request("POST", "/api/1.0/lookup", &as_user("admin"), LOOKUP)).unwrap();
    waiting.set_read_timeout(Some(UNANSWERED_TIME)).unwrap();
    assert!(waiting.peek(&mut [0]).is_err(), "it is answered");
    drop(engine);
    assert_eq!(Connection::over(waiting).answer().status, 200);
    drop(second);
}

#[test]
fn all_sockets_are_served() {
    let sockets = [socket(), socket()];
    let addresses = sockets.each_ref().map(|socket| socket.local_addr().unwrap());
    let dir = Arc::new(tempfile::tempdir().unwrap());
    let daemon = Running::open_on(sockets.into(), dir, &[]).unwrap();
    daemon.wait_for(Phase::Ready);
    assert_eq!(daemon.daemon().addresses(), addresses);
    for address in addresses {
        let mut connection = Connection::open(address);
        assert!(connection.send(&request("GET", "/api/1.0/suppliers", &as_user("admin"), b"")));
        assert_eq!(connection.answer().status, 200);
    }
}

/// An address that is not of loopback to whoever reads it, but that no other machine can reach.
#[test]
fn plain_http_is_for_loopback_only() {
    let start = |settings: &[(&str, &str)]| {
        let socket = TcpListener::bind("[::ffff:127.0.0.1]:0").unwrap();
        Running::open_on(vec![socket], Arc::new(tempfile::tempdir().unwrap()), settings)
    };
    let refused = start(&[]).err().unwrap();
    assert!(matches!(refused, ServeError::PlainHttp { .. }), "{refused:?}");
    assert!(refused.is_misconfigured());
    for settings in [("SLUICE_ALLOW_PLAIN_HTTP", "true"), ("SLUICE_TLS__SELF_SIGNED", "true")] {
        start(&[settings]).unwrap().wait_for(Phase::Ready);
    }
}

/// The service manager does not try again what only a person can mend.
#[test]
fn a_socket_of_another_kind_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let other = UnixListener::bind(dir.path().join("socket")).unwrap();
    let connected = TcpStream::connect(socket().local_addr().unwrap());
    for passed in [OwnedFd::from(other), OwnedFd::from(connected.unwrap())] {
        let ended = Command::new("sh")
            .args(["-c", &format!("{SOCKET_SETUP}\nexec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_sluiced")])
            .arg("--data-dir")
            .arg(dir.path().join("data"))
            .stdin(Stdio::from(passed))
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&ended.stderr);
        assert_eq!(ended.status.code(), Some(78), "{said}");
        assert!(said.contains("a socket that the service manager passed cannot be listened on: "), "{said}");
    }
}

/// What is meant for another process, such as that of a shell in between, is not taken.
#[test]
fn a_socket_for_another_process_is_not_taken() {
    let process = Process::after("export LISTEN_PID=1 LISTEN_FDS=1");
    assert!(!process.said().contains("service manager"));
}

#[test]
fn a_restart_without_clients_leaves_the_socket_open() {
    let (socket, dir) = (socket(), Arc::new(tempfile::tempdir().unwrap()));
    let daemon = Running::open_on(vec![socket.try_clone().unwrap()], Arc::clone(&dir), &[]).unwrap();
    daemon.wait_for(Phase::Ready);
    drop(daemon);
    let refused = TcpStream::connect(socket.local_addr().unwrap()).err().map(|error| error.kind());
    assert_ne!(refused, Some(ErrorKind::ConnectionRefused));
}

/// The socket of a service manager, and what the daemon says there.
struct ServiceManager {
    notices: UnixDatagram,
    dir: Arc<tempfile::TempDir>,
}

impl ServiceManager {
    fn new() -> Self {
        let dir = Arc::new(tempfile::tempdir().unwrap());
        let notices = UnixDatagram::bind(dir.path().join("notices")).unwrap();
        notices.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
        Self { notices, dir }
    }

    /// Starts the daemon with this address, and with a socket that was kept for it, if there is one.
    fn start(&self, address: SocketAddr, kept: Option<&OwnedFd>) -> Process {
        let notices = self.dir.path().join("notices");
        let listen =
            format!("shift 2; set -- --listen {address} \"$@\"; export NOTIFY_SOCKET={}", notices.display());
        let Some(kept) = kept else {
            return Process::start(&listen, Stdio::null(), Arc::clone(&self.dir));
        };
        let setup = format!("{listen} LISTEN_FDNAMES=sluiced-listen; {SOCKET_SETUP}");
        Process::start(&setup, Stdio::from(kept.try_clone().unwrap()), Arc::clone(&self.dir))
    }

    /// Waits for a notice that says all of this, and returns what was sent with it.
    fn told(&self, what: &[&str]) -> Option<OwnedFd> {
        loop {
            let (mut text, mut space) =
                ([0; 4_096], [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))]);
            let mut sent = RecvAncillaryBuffer::new(&mut space);
            let got =
                recvmsg(&self.notices, &mut [IoSliceMut::new(&mut text)], &mut sent, RecvFlags::CMSG_CLOEXEC)
                    .unwrap();
            let sent = sent.drain().find_map(|message| match message {
                RecvAncillaryMessage::ScmRights(mut sent) => sent.next(),
                _ => None,
            });
            let text = str::from_utf8(&text[..got.bytes]).unwrap();
            if what.iter().all(|line| text.lines().any(|told| told == *line)) {
                return sent;
            }
        }
    }
}

/// An address that is free.
fn address() -> SocketAddr {
    socket().local_addr().unwrap()
}

/// Without a unit for the socket: the service manager keeps the one that the daemon has opened.
#[test]
fn a_socket_of_the_daemons_own_outlives_it() {
    let (manager, address) = (ServiceManager::new(), address());
    let mut process = manager.start(address, None);
    let kept = manager.told(&["FDSTORE=1", "FDNAME=sluiced-listen"]).expect("no socket is sent");
    for _ in 0..2 {
        process.kill();
        let mut waiting = TcpStream::connect(address).unwrap();
        waiting.write_all(&request("POST", "/api/1.0/lookup", &as_administrator(), LOOKUP)).unwrap();
        process = manager.start(address, Some(&kept));
        // Nobody is told that the store is still opening who can wait for it.
        assert_eq!(Connection::over(waiting).answer().status, 200);
        assert_eq!(process.address(), address);
    }
    assert!(process.said().contains("listens on the socket that the service manager has kept"));
}

/// Whoever changes the address and restarts gets the new one, and nobody waits at the old one.
#[test]
fn a_kept_socket_of_another_address_is_given_up() {
    let (manager, before, after) = (ServiceManager::new(), address(), address());
    let mut process = manager.start(before, None);
    let kept = manager.told(&["FDSTORE=1", "FDNAME=sluiced-listen"]).expect("no socket is sent");
    process.kill();
    let process = manager.start(after, Some(&kept));
    manager.told(&["FDSTOREREMOVE=1", "FDNAME=sluiced-listen"]);
    assert!(manager.told(&["FDSTORE=1", "FDNAME=sluiced-listen"]).is_some());
    drop(kept);
    assert_eq!(process.address(), after);
    let refused = TcpStream::connect(before).err().map(|error| error.kind());
    assert_eq!(refused, Some(ErrorKind::ConnectionRefused));
}
