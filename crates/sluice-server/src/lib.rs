//! The daemon: HTTP front end, configuration, accounts, process life.
//!
//! In: a [`config::Config`]. Out: a running [`Daemon`] that answers the REST contract on its address, and an
//! [`Ending`] when it is done. A request passes, in this order: `http::connection` (one at a time, heads in time),
//! `api::front` (panics), `api::gate` (all that the head decides), `http::body` (limits and decoding),
//! `api::cybertrace` (one file per resource), `http::answer` and `http::problem` (what is sent back).
//! Success is answered only for what the store calls durable.
//!
//! Threads of this crate, by name (the kernel shows the first 15 bytes of it):
//!
//! | thread | runs |
//! |---|---|
//! | `sluiced` | `main.rs`: signals and the service manager |
//! | `lifecycle` | `life::lifecycle`: supervises the server, then closes everything |
//! | `actix-rt\|system:0\|arbiter:{n}` | `api::front`: `http.workers` of them, each serves its connections |
//! | `actix-server acceptor` | accepts connections and hands them to the threads above |
//! | `open-store` | opens the store while the daemon already answers, then ends |
//! | `metrics` | `api::scrape_listener`: a listener that serves metrics alone, with a thread `actix-rt` of its own |
//! | `entity-worker` | `worker`: large bodies of suppliers and tags, changes of the catalogue |
//! | `password-worker` | `auth::password_worker`: password hashes, 33 ms each |
//! | `batches` | `batches::writer`: writes batches and refused rows |
//! | `lists` | `life::list_builder`: builds lists for devices |
//! | `list-reader` | `worker`: reads lists for who fetches them |
//! | `batch-reader` | `worker`: reads refused rows for who asks for them |
//! | `export` | `api::v1::export`: reads, writes and packs the rows of one export, then ends |
//! | `known-logins` | `auth::keeper`: writes who has logged in |
//! | `log-lines` | `logging::lines`: writes lines that standard error does not take at once |
//! | `conditions` | `life::conditions`: tells the log what becomes of the store |
//! | `schedule` | `snapshot::schedule`: runs the command `snapshot` when one is due |
//! | `snapshot` | `snapshot::serving`: hands out what a snapshot copies, then ends |
//!
//! Storage and its threads belong to `sluice-store`, parsing and its pools to `sluice-ingest`.

pub(crate) mod api;
pub mod auth;
pub(crate) mod batches;
mod certificate;
mod clock;
pub mod config;
pub mod dir_number;
pub(crate) mod http;
pub mod life;
pub(crate) mod lists;
pub mod logging;
pub(crate) mod metrics;
pub mod snapshot;
pub mod version;
pub(crate) mod worker;

#[cfg(test)]
mod tests;

use std::{
    fmt, io,
    net::SocketAddr,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use parking_lot::Mutex;
use sluice_store::DirLock;
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use self::{
    api::scrape_listener::ScrapeListener,
    auth::Auth,
    batches::Batches,
    config::Config,
    http::listener,
    life::{
        conditions,
        lifecycle::{self, CLOSE_TIMEOUT, ENDINGS_QUEUED_MAX},
        list_builder, reload,
        removals::REMOVALS,
        sockets::{self, Inherited},
        state::{Rules, State, Workers},
        tls,
    },
    lists::Lists,
    metrics::Metrics,
    worker::Worker,
};
pub use self::{
    clock::{date, now_seconds},
    life::{
        error::ServeError,
        lifecycle::{Ending, Phase},
    },
};

/// Large entity bodies waiting to be read.
const ENTITIES_QUEUED_MAX: usize = 16;

/// Pieces of refused rows waiting to be read.
const BATCH_READS_QUEUED_MAX: usize = 64;

/// Pieces of lists waiting to be read.
const LIST_READS_QUEUED_MAX: usize = 64;

/// A running daemon. Dropping it without [`Daemon::stop`] leaves it running.
pub struct Daemon {
    addresses: Vec<SocketAddr>,
    metrics_address: Option<SocketAddr>,
    elasticsearch_address: Option<SocketAddr>,
    endings_out: mpsc::Sender<Ending>,
    phase: watch::Receiver<Phase>,
    state: Arc<State>,
    config: Mutex<Config>,
    thread: JoinHandle<Ending>,
}

impl fmt::Debug for Daemon {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Daemon").field("addresses", &self.addresses).finish_non_exhaustive()
    }
}

impl Daemon {
    /// The addresses that are listened on, at least one; if port 0 was configured, with the port that the operating system
    /// chose.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// The address that serves metrics alone, if one is configured.
    pub fn metrics_address(&self) -> Option<SocketAddr> {
        self.metrics_address
    }

    /// The address that serves clients of Elasticsearch alone, if one is configured.
    pub fn elasticsearch_address(&self) -> Option<SocketAddr> {
        self.elasticsearch_address
    }

    /// How far the daemon is, and a way to wait for changes. Closed once the daemon has ended.
    pub fn phase(&self) -> watch::Receiver<Phase> {
        self.phase.clone()
    }

    /// Returns true unless a thread of the store or of connections hangs; the service manager restarts a daemon that hangs.
    pub fn is_responsive(&self) -> bool {
        self.is_responsive_at(Instant::now())
    }

    fn is_responsive_at(&self, now: Instant) -> bool {
        let is_stuck = self.state.opened().is_some_and(|ingestor| ingestor.store().is_stuck());
        !is_stuck && self.state.beats.count(now).silent == 0
    }

    /// Puts a new configuration into force, with accounts and certificate as their files are now; requests in flight go
    /// on under the earlier one. Returns the keys that wait for a restart. Blocking.
    ///
    /// # Errors
    ///
    /// By variant of [`ServeError`]; everything is then as before.
    pub fn reload(&self, new: &Config) -> Result<Vec<String>, ServeError> {
        let waiting = self.put_into_force(new)?;
        self.state.metrics.operations.reloaded();
        Ok(waiting)
    }

    /// Notes that a new configuration was refused, here or where it was read.
    pub fn note_refused_reload(&self) {
        self.state.metrics.operations.reload_refused();
    }

    fn put_into_force(&self, new: &Config) -> Result<Vec<String>, ServeError> {
        let mut config = self.config.lock();
        let in_force = reload::take_over(&config, new);
        // All that can fail comes first.
        let store = self.state.opened().ok_or(ServeError::Opening)?.store();
        let client_verifier = tls::client_verifier(&in_force.tls)?;
        let accounts = self.state.auth.read_accounts().map_err(ServeError::Auth)?;
        // What is made on the way, a certificate or a tenant, stays if what follows fails; nobody is served by it then.
        let certified = tls::read(&in_force)?;
        for name in &in_force.tenants {
            let added = store.add_tenant(name);
            added.map_err(|source| ServeError::Tenant { name: name.clone(), source })?;
        }
        if let (Some(certificate), Some(certified)) = (&self.state.certificate, certified) {
            certificate.replace(certified);
        }
        self.state.auth.client_authority.replace(client_verifier);
        logging::apply(&in_force.log);
        self.state.auth.replace(accounts);
        self.state.set_rules(Rules::of(&in_force));
        store.set_disk_reserve(in_force.disk_reserve.get());
        let before = std::mem::replace(&mut *config, in_force);
        reload::tell_changes(&before, &config);
        Ok(reload::waiting(&config, new))
    }

    /// The longest time that a stop takes: requests in flight, then the store.
    pub fn stop_time_max(&self) -> Duration {
        self.config.lock().http.stop_timeout.seconds() + CLOSE_TIMEOUT
    }

    /// Asks the daemon to stop in good order; asking again cuts requests in flight. Does not wait.
    pub fn stop(&self) {
        // Once the queue is full or closed, the daemon is ending already.
        drop(self.endings_out.try_send(Ending::Stopped));
    }

    /// Ends the daemon because the engine of its store failed where the store cannot see it. Does not wait.
    pub fn fail(&self, cause: &str) {
        self.state.set_failed();
        if let Some(ingestor) = self.state.opened() {
            ingestor.store().fail(cause);
        } else {
            // Once the queue is full or closed, the daemon is ending already.
            drop(self.endings_out.try_send(Ending::StoreFailed(cause.to_owned())));
        }
    }

    /// Waits until the daemon has ended. Blocking.
    ///
    /// # Errors
    ///
    /// When the daemon's thread panicked.
    pub fn join(self) -> io::Result<Ending> {
        let ended = self.thread.join().or(Err(io::Error::other("the daemon's thread panicked")));
        REMOVALS.tell_rest();
        ended
    }
}

/// Starts the daemon on threads of its own, on `inherited` sockets or, where there are none, on its own: returns once
/// it listens, while the store still opens. `lock` is that of the data directory.
///
/// # Errors
///
/// By variant of [`ServeError`]. A store that does not open is an [`Ending`].
pub fn serve(config: Config, lock: DirLock, inherited: Inherited) -> Result<Daemon, ServeError> {
    let auth = Auth::start(&config.data_dir).map_err(ServeError::Auth)?;
    let entity_worker = Worker::start("entity-worker", ENTITIES_QUEUED_MAX).map_err(ServeError::Thread)?;
    let (tls, certificate) = tls::server_config(&config, &auth.client_authority)?.unzip();
    let metrics = Metrics::new(&api::counted::routes());
    let batches = Batches::open(&config.data_dir, &config.batches).map_err(ServeError::Thread)?;
    let batch_reader = Worker::start("batch-reader", BATCH_READS_QUEUED_MAX).map_err(ServeError::Thread)?;
    let list_reader = Worker::start("list-reader", LIST_READS_QUEUED_MAX).map_err(ServeError::Thread)?;
    let workers = Workers { entity: entity_worker, batch_reader, list_reader };
    let kept = (batches, Lists::open(&config.data_dir).map_err(ServeError::Lists)?);
    let state = Arc::new(State::new(auth, Rules::of(&config), workers, metrics, certificate, kept));
    conditions::watch(&state, config.memory_plan()).map_err(ServeError::Thread)?;
    list_builder::start(&state).map_err(ServeError::Thread)?;
    let sockets = sockets::open(&config, inherited)?;
    let (addresses, are_inherited) = (sockets.addresses, sockets.are_inherited);
    let (elasticsearch, elasticsearch_address) = sockets.elasticsearch.unzip();
    let (endings_out, endings_in) = mpsc::channel(ENDINGS_QUEUED_MAX);
    let (phase_out, phase) = watch::channel(Phase::Opening);
    let (scrapes, metrics_address) = serve_metrics(&config, &state)?.unzip();
    let for_store = endings_out.clone();
    let for_daemon = (Arc::clone(&state), config.clone());
    let for_snapshots = phase.clone();
    let operations = Arc::clone(&state.metrics.operations);
    snapshot::schedule::start(&config.snapshot, &config.data_dir, phase.clone(), operations)
        .map_err(ServeError::Thread)?;
    let run = move || {
        let ending = actix_web::rt::System::new().block_on(async move {
            // It ends with the runtime.
            let data_dir = config.data_dir.clone();
            drop(actix_web::rt::spawn(snapshot::listener::listen(
                data_dir,
                Arc::clone(&state),
                for_snapshots,
            )));
            let server = match api::front::start(&config, sockets.listeners, elasticsearch, tls, &state) {
                Ok(server) => server,
                Err(error) => return Ending::NotStarted(error),
            };
            match lifecycle::open_store(&config, lock, Arc::clone(&state), for_store, phase_out.clone()) {
                Ok(opener) => {
                    if are_inherited {
                        lifecycle::let_wait(&opener, &endings_in).await;
                    }
                    let stop_timeout = config.http.stop_timeout.seconds();
                    lifecycle::supervise(server, endings_in, state, opener, phase_out, stop_timeout).await
                }
                Err(error) => Ending::NotStarted(error),
            }
        });
        scrapes.into_iter().for_each(ScrapeListener::close);
        ending
    };
    let thread =
        thread::Builder::new().name("lifecycle".to_owned()).spawn(run).map_err(ServeError::Thread)?;
    let (state, config) = for_daemon;
    let config = Mutex::new(config);
    Ok(Daemon {
        addresses,
        metrics_address,
        elasticsearch_address,
        endings_out,
        phase,
        state,
        config,
        thread,
    })
}

/// Serves metrics on a listener of their own, if one is configured, and gives its address too.
fn serve_metrics(
    config: &Config,
    state: &Arc<State>,
) -> Result<Option<(ScrapeListener, SocketAddr)>, ServeError> {
    let Some(address) = config.metrics_listen else { return Ok(None) };
    let listener = listener::listen(address, config.http.write_timeout.seconds());
    let (listener, bound) = listener.map_err(|source| ServeError::Listen { address, source })?;
    let scrapes = ScrapeListener::start(listener, config.http, state).map_err(ServeError::Thread)?;
    tracing::info!(address = %bound, "metrics are served to whoever asks there");
    Ok(Some((scrapes, bound)))
}
