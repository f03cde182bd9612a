//! The daemon's life after the start: opening the store, serving, and the order in which things close.
//!
//! In: a running server, and reasons to end it: a signal, or a store that did not open or failed. Out: the
//! [`Ending`]. Closing goes in this order: requests in flight get their time, while others are still taken; no new
//! connections are accepted; the store takes a checkpoint and closes. When the store fails, requests in flight are answered with a 500 and the
//! daemon ends by itself, within half a minute even where a thread of the store never comes back.

use std::{
    io,
    panic::{AssertUnwindSafe, catch_unwind},
    pin::pin,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use actix_web::dev::{Server, ServerHandle};
use sluice_ingest::Ingestor;
use sluice_model::memory_plan::MemoryPlan;
use sluice_store::{DirLock, Health, OpenError, Store, StoreConfig, Tuning};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use super::{drain::Drain, state::State};
use crate::{config::Config, dir_number};

/// Reasons to end that wait for [`supervise`].
pub(crate) const ENDINGS_QUEUED_MAX: usize = 8;

/// Time for requests in flight once the store has failed: all they can get is a 500.
const FAILED_STOP_TIMEOUT: Duration = Duration::from_secs(3);
/// Time for a store that has failed to open or to close: its threads may wait for ever for one that has died.
const FAILED_CLOSE_TIMEOUT: Duration = Duration::from_secs(8);
/// Time for a store that has not failed to close. The service manager kills after 90 s, of which requests may take 30.
pub(crate) const CLOSE_TIMEOUT: Duration = Duration::from_secs(55);
/// Longest time that connections wait for a store that is opening, where they can; then they are told that it does.
const OPEN_WAIT_MAX: Duration = Duration::from_secs(5);
/// How often a thread that is to end is looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(5);

/// How far the daemon is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The socket is bound, the store is still opening.
    Opening,
    /// The store is open.
    Ready,
    /// Requests in flight are finished, then no new connections are accepted.
    Stopping,
}

/// How the daemon ended; on its way through the queue, why it is to end.
#[derive(Debug, thiserror::Error)]
pub enum Ending {
    /// In good order, with nothing lost. Asked for a second time: without waiting for requests in flight.
    #[error("stopped")]
    Stopped,
    /// The store could not be opened.
    #[error("the store could not be opened")]
    NotOpened(#[source] OpenError),
    /// The store could no longer write.
    #[error("the store failed: {0}; nothing that was acknowledged is lost")]
    StoreFailed(String),
    /// The server, or a thread of it, could not be started.
    #[error("the server could not be started")]
    NotStarted(#[source] io::Error),
}

/// Opens the store on a thread of its own; requests get 425 until it is done.
///
/// # Errors
///
/// When the operating system refuses a thread.
pub(crate) fn open_store(
    config: &Config,
    lock: DirLock,
    state: Arc<State>,
    endings_out: mpsc::Sender<Ending>,
    phase: watch::Sender<Phase>,
) -> io::Result<JoinHandle<()>> {
    let plan = config.memory_plan();
    let store_config = StoreConfig {
        disk_reserve_bytes: config.disk_reserve.get(),
        lock: Some(lock),
        tenants: config.tenants.clone(),
        history_seconds: u32::try_from(config.history.get()).unwrap_or(u32::MAX),
        tuning: Tuning {
            history_bytes_max: config.history_size_max.get(),
            ..Tuning::of(&plan, config.log_size_max.get())
        },
        ..StoreConfig::at(config.data_dir.clone())
    };
    let threads_count = config.ingest.threads.count();
    let data_dir = config.data_dir.clone();
    // Weak, because the state will own the store, and the store this callback.
    let failed_state = Arc::downgrade(&state);
    let failed_out = endings_out.clone();
    let on_failure: Box<dyn Fn(&str) + Send + Sync> = Box::new(move |cause| {
        if let Some(state) = failed_state.upgrade() {
            state.set_failed();
        }
        // If the queue is full, the daemon is ending already.
        drop(failed_out.try_send(Ending::StoreFailed(cause.to_owned())));
    });
    thread::Builder::new().name("open-store".to_owned()).spawn(move || {
        let opened = catch_unwind(AssertUnwindSafe(|| open(store_config, on_failure, threads_count, &plan)));
        let panicked = |_panic| Err(Ending::StoreFailed("opening it panicked".to_owned()));
        match opened.unwrap_or_else(panicked) {
            Ok(ingestor) => {
                state.set_opened(ingestor, dir_number::for_cursors(&data_dir));
                phase.send_if_modified(become_ready);
            }
            // If the queue is full, the daemon is ending already, and waiting here would hold that up.
            Err(ending) => drop(endings_out.try_send(ending)),
        }
    })
}

fn open(
    store_config: StoreConfig,
    on_failure: Box<dyn Fn(&str) + Send + Sync>,
    threads_count: usize,
    plan: &MemoryPlan,
) -> Result<Ingestor, Ending> {
    let store = Store::open(store_config, on_failure).map_err(Ending::NotOpened)?;
    match Ingestor::new(store.clone(), threads_count, plan) {
        Ok(ingestor) => Ok(ingestor),
        Err(error) => {
            store.close();
            Err(Ending::NotStarted(error))
        }
    }
}

/// Lets connections wait in a socket that was open before the daemon, until the store is: whoever connects during a restart
/// is then served like anybody else.
pub(crate) async fn let_wait(opener: &JoinHandle<()>, endings_in: &mpsc::Receiver<Ending>) {
    let started = Instant::now();
    while !opener.is_finished() && endings_in.is_empty() && started.elapsed() < OPEN_WAIT_MAX {
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Returns true if the phase has changed: a daemon that was told to stop while it opened is not ready.
fn become_ready(phase: &mut Phase) -> bool {
    if *phase != Phase::Opening {
        return false;
    }
    *phase = Phase::Ready;
    true
}

/// Serves until there is a reason to end, then closes everything. Runs on the `lifecycle` thread and its runtime.
pub(crate) async fn supervise(
    server: Server,
    mut endings_in: mpsc::Receiver<Ending>,
    state: Arc<State>,
    opener: JoinHandle<()>,
    phase: watch::Sender<Phase>,
    stop_timeout: Duration,
) -> Ending {
    let handle = server.handle();
    let serving = actix_web::rt::spawn(server);
    let mut ending = endings_in.recv().await.unwrap_or(Ending::Stopped);
    // Readiness first: whoever sends requests here may send them elsewhere.
    let drain = Drain::begin(&state.stopping, stop_timeout);
    phase.send_replace(Phase::Stopping);
    if !stop_serving(drain, &handle, &mut endings_in, &mut ending).await {
        // A server that stops gracefully takes no other command, so it is cut short by being dropped.
        serving.abort();
    }
    // The server has ended; how it did makes no difference any more.
    drop(serving.await);
    // A store that is still opening opens first, unless it has failed: it is then closed in good order.
    if !has_ended(&opener, Duration::MAX, &mut endings_in, &mut ending).await {
        return ending;
    }
    if let Some(ingestor) = state.opened() {
        close(ingestor.store().clone(), &mut endings_in, &mut ending).await;
    }
    state.batches.close().await;
    state.auth.close();
    ending
}

/// Closes the store on a thread of its own, which is left behind when it does not come back in time.
async fn close(store: Store, endings_in: &mut mpsc::Receiver<Ending>, ending: &mut Ending) {
    if let Ending::StoreFailed(cause) = &*ending {
        // It may have opened after its engine failed.
        store.fail(cause);
    }
    let closing = store.clone();
    let started = thread::Builder::new().name("close-store".to_owned()).spawn(move || closing.close());
    let closed = match started {
        Ok(closer) => has_ended(&closer, CLOSE_TIMEOUT, endings_in, ending).await,
        Err(_no_thread) => false,
    };
    if !closed || store.health() == Health::Failed {
        // Its report may have found the queue full.
        take_failure(Ending::StoreFailed("it could not be closed in good order".to_owned()), ending);
    }
}

/// Waits for a thread to end; false if it has not within `limit`, or within [`FAILED_CLOSE_TIMEOUT`] once the daemon has
/// failed.
async fn has_ended(
    thread: &JoinHandle<()>,
    limit: Duration,
    endings_in: &mut mpsc::Receiver<Ending>,
    ending: &mut Ending,
) -> bool {
    let (started, mut failed_at) = (Instant::now(), None);
    loop {
        let is_over = thread.is_finished();
        while let Ok(later) = endings_in.try_recv() {
            take_failure(later, ending);
        }
        if !matches!(ending, Ending::Stopped) {
            failed_at.get_or_insert_with(Instant::now);
        }
        let is_late = failed_at.is_some_and(|failed_at: Instant| FAILED_CLOSE_TIMEOUT <= failed_at.elapsed());
        if is_over || is_late || limit <= started.elapsed() {
            return is_over;
        }
        tokio::time::sleep(LOOK_INTERVAL).await;
    }
}

/// Waits until requests in flight are answered. Returns false if they are to be cut: when the time to stop is over, on a
/// second stop, or when [`FAILED_STOP_TIMEOUT`] has passed since the store failed.
async fn stop_serving(
    drain: Drain<'_>,
    handle: &ServerHandle,
    endings_in: &mut mpsc::Receiver<Ending>,
    ending: &mut Ending,
) -> bool {
    let mut drained = pin!(drain.finish(handle));
    // Counts only once the store has failed: from now on if that is why the daemon ends, otherwise from the failure.
    // A stop at 0 s may thus take its 30 s; if the store fails at 10 s, it takes until 13 s at most.
    let mut failed_stop = pin!(tokio::time::sleep(FAILED_STOP_TIMEOUT));
    loop {
        let has_failed = !matches!(ending, Ending::Stopped);
        tokio::select! {
            is_done = &mut drained => return is_done,
            () = &mut failed_stop, if has_failed => return false,
            Some(later) = endings_in.recv() => {
                if matches!(later, Ending::Stopped) {
                    return false;
                }
                take_failure(later, ending);
                if !has_failed {
                    failed_stop.as_mut().reset(Instant::now() + FAILED_STOP_TIMEOUT);
                }
            }
        }
    }
}

/// Turns a good ending into that of a failed store: a stop after which something is not on the disk was not in good
/// order.
///
/// That the store did not open changes nothing: it has accepted nothing, and the daemon was told to stop.
fn take_failure(later: Ending, ending: &mut Ending) {
    if let (Ending::StoreFailed(cause), Ending::Stopped) = (later, &*ending) {
        *ending = Ending::StoreFailed(cause);
    }
}
