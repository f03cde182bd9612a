//! The daemon: actix-web front end, configuration, accounts, process life.
//!
//! In: a [`config::Config`]. Out: a running [`Daemon`] that answers the REST contract on its addresses, and an
//! [`Ending`] when it is done. A request passes, in this order: `connection` (time of heads), `front` (panics), `gate`
//! (all that the head decides), `body` (limits and decoding), `routes` (one file per resource), `answer` and `problem`
//! (what goes back). Success is answered only for what the store calls durable.
//!
//! Storage is `sluice-store`'s, parsing `sluice-ingest`'s, meaning `sluice-model`'s affair.

pub(crate) mod answer;
pub mod auth;
pub(crate) mod body;
pub mod config;
pub(crate) mod connection;
pub mod descriptors;
pub(crate) mod entity;
pub(crate) mod front;
pub(crate) mod gate;
pub(crate) mod head;
pub(crate) mod path;
pub(crate) mod private;
pub(crate) mod problem;
pub(crate) mod routes;
pub(crate) mod shutdown;
pub mod startup;
pub(crate) mod state;
pub mod tls;
pub(crate) mod worker;

use std::{
    fmt, io,
    net::{SocketAddr, TcpListener},
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use socket2::{Domain, Protocol, Socket, Type};
use tokio::sync::{mpsc, watch};

pub use self::shutdown::{Ending, Phase};
use self::{
    auth::{Auth, AuthError, accounts::AccountsFile},
    config::Config,
    shutdown::{WISHES_QUEUED_MAX, Wish},
    state::State,
    tls::TlsError,
    worker::Worker,
};

/// Connections that wait to be accepted.
const BACKLOG: i32 = 1_024;

/// Large entity bodies waiting to be read.
const ENTITIES_QUEUED_MAX: usize = 16;

/// Why the daemon did not start.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// Credentials cannot be checked.
    #[error("credentials cannot be checked")]
    Auth(#[source] AuthError),
    /// There is no certificate.
    #[error("TLS cannot be set up")]
    Tls(#[source] TlsError),
    /// The address cannot be listened on.
    #[error("cannot listen on {address}")]
    Listen {
        /// Which address.
        address: SocketAddr,
        /// The cause.
        #[source]
        source: io::Error,
    },
    /// The operating system gives no thread.
    #[error("a thread could not be started")]
    Thread(#[source] io::Error),
}

/// A running daemon. Dropping it without [`Daemon::stop`] leaves it running.
pub struct Daemon {
    address: SocketAddr,
    wishes_out: mpsc::Sender<Wish>,
    phase: watch::Receiver<Phase>,
    state: Arc<State>,
    thread: JoinHandle<Ending>,
}

impl fmt::Debug for Daemon {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Daemon").field("address", &self.address).finish_non_exhaustive()
    }
}

impl Daemon {
    /// The bound address, with the port that was given where 0 was asked for.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// How far the daemon is; changes are seen by whoever waits on it. Closed once the daemon has ended.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.clone()
    }

    /// Tells whether the store's threads give signs of life; the service manager restarts a daemon without.
    pub fn is_responsive(&self) -> bool {
        self.state.opened().is_none_or(|ingestor| !ingestor.store().is_stuck())
    }

    /// Asks the daemon to stop in good order; asking again cuts requests in flight. Does not wait.
    pub fn stop(&self) {
        // A daemon that has ended, or is told for the eighth time, needs no more telling.
        drop(self.wishes_out.try_send(Wish::Stop));
    }

    /// Waits until the daemon has ended. Blocking.
    ///
    /// # Errors
    ///
    /// When the daemon's thread panicked.
    pub fn join(self) -> io::Result<Ending> {
        self.thread.join().map_err(|_panic| io::Error::other("the daemon's thread panicked"))
    }
}

/// Starts the daemon on threads of its own: returns once its socket is bound, while the store still opens.
///
/// # Errors
///
/// By variant of [`ServeError`]. A store that does not open is an [`Ending`].
pub fn serve(config: Config) -> Result<Daemon, ServeError> {
    let auth = Auth::start(AccountsFile::new(&config.data_dir)).map_err(ServeError::Auth)?;
    let clerk = Worker::start("entity-0", ENTITIES_QUEUED_MAX).map_err(ServeError::Thread)?;
    let state = Arc::new(State::new(auth, config.pace, config.match_scope, clerk));
    let tls = tls::server_config(&config.tls, &config.data_dir).map_err(ServeError::Tls)?;
    let failed = |source| ServeError::Listen { address: config.listen, source };
    let listener = listen(config.listen, config.write_timeout).map_err(failed)?;
    let address = listener.local_addr().map_err(failed)?;
    let (wishes_out, wishes_in) = mpsc::channel(WISHES_QUEUED_MAX);
    let (phase_out, phase) = watch::channel(Phase::Opening);
    let for_store = wishes_out.clone();
    let for_daemon = Arc::clone(&state);
    let run = move || {
        actix_web::rt::System::new().block_on(async move {
            let server = match front::start(&config, listener, tls, &state) {
                Ok(server) => server,
                Err(error) => return Ending::NotStarted(error),
            };
            match shutdown::open_store(&config, Arc::clone(&state), for_store, phase_out.clone()) {
                Ok(opener) => shutdown::supervise(server, wishes_in, state, opener, phase_out).await,
                Err(error) => Ending::NotStarted(error),
            }
        })
    };
    let thread = thread::Builder::new().name("daemon".to_owned()).spawn(run).map_err(ServeError::Thread)?;
    Ok(Daemon { address, wishes_out, phase, state: for_daemon, thread })
}

/// Binds a socket whose connections give up on a client that acknowledges nothing for `write_timeout`.
fn listen(address: SocketAddr, write_timeout: Duration) -> io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(address), Type::STREAM, Some(Protocol::TCP))?;
    socket.set_reuse_address(true)?;
    socket.set_tcp_user_timeout(Some(write_timeout))?;
    socket.bind(&address.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}
