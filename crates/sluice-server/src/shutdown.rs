//! The daemon's life after the start: opening the store, serving, and the order in which things close.
//!
//! In: a bound socket and the wishes of whoever runs the daemon. Out: an [`Ending`]. Closing goes: no new
//! connections; requests in flight get their time; the store checkpoints and closes. When the store fails,
//! requests in flight are answered and the daemon ends by itself.

use std::{
    io,
    pin::pin,
    sync::Arc,
    thread::{self, JoinHandle},
    time::Duration,
};

use actix_web::dev::{Server, ServerHandle};
use sluice_ingest::{IngestConfig, Ingestor};
use sluice_store::{Health, OnFailure, OpenError, Store, StoreConfig, Tuning};
use tokio::{
    sync::{mpsc, watch},
    time::Instant,
};

use crate::{config::Config, state::State};

/// Wishes waiting for the daemon.
pub(crate) const WISHES_QUEUED_MAX: usize = 8;

/// Time for requests in flight once the store has failed: they only get their 500.
const FAILED_STOP_TIMEOUT: Duration = Duration::from_secs(3);

/// How far the daemon is.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Phase {
    /// The socket is bound, the store is still opening.
    Opening,
    /// Everything works.
    Ready,
    /// No new connections are taken.
    Stopping,
}

/// How the daemon ended.
#[derive(Debug, thiserror::Error)]
pub enum Ending {
    /// As it was told to, with nothing lost.
    #[error("stopped")]
    Stopped,
    /// The store could not be opened.
    #[error("the store could not be opened")]
    NotOpened(#[source] OpenError),
    /// The store could no longer write.
    #[error("the store failed: {0}")]
    StoreFailed(String),
    /// The server, or a thread of it, could not be started.
    #[error("the server could not be started")]
    NotStarted(#[source] io::Error),
}

/// What is wished of a running daemon.
pub(crate) enum Wish {
    /// End in good order; the second time, without waiting for requests in flight.
    Stop,
    /// The store can no longer write.
    StoreFailed(String),
    /// The store did not open.
    NotOpened(OpenError),
    /// The pool of the ingestor did not start.
    NotStarted(io::Error),
}

/// Opens the store on a thread of its own; requests get 425 until it is done.
///
/// # Errors
///
/// When the operating system gives no thread.
pub(crate) fn open_store(
    config: &Config,
    state: Arc<State>,
    wishes_out: mpsc::Sender<Wish>,
    phase: watch::Sender<Phase>,
) -> io::Result<JoinHandle<()>> {
    let store_config = StoreConfig {
        data_dir: config.data_dir.clone(),
        disk_reserve_bytes: config.disk_reserve_bytes,
        tenants: config.tenants.clone(),
        tuning: Tuning::default(),
    };
    let ingest_config =
        IngestConfig { threads: config.ingest_threads, body_bytes_budget: config.body_bytes_budget };
    // Weak, because the store that will own this is itself owned by the state.
    let failed_state = Arc::downgrade(&state);
    let failed_out = wishes_out.clone();
    let on_failure: OnFailure = Box::new(move |cause| {
        if let Some(state) = failed_state.upgrade() {
            state.set_failed();
        }
        // A full queue holds an ending already.
        drop(failed_out.try_send(Wish::StoreFailed(cause.to_owned())));
    });
    thread::Builder::new().name("open-0".to_owned()).spawn(move || {
        let wish = match Store::open(store_config, on_failure) {
            Err(error) => Wish::NotOpened(error),
            Ok(store) => match Ingestor::new(store.clone(), ingest_config) {
                Ok(ingestor) => {
                    state.set_ingestor(ingestor);
                    phase.send_if_modified(|phase| {
                        let is_opening = *phase == Phase::Opening;
                        if is_opening {
                            *phase = Phase::Ready;
                        }
                        is_opening
                    });
                    return;
                }
                Err(error) => {
                    store.close();
                    Wish::NotStarted(error)
                }
            },
        };
        // A full queue holds an ending already; to wait for room in it would hold up that ending.
        drop(wishes_out.try_send(wish));
    })
}

/// Serves until told otherwise, then closes everything. Runs on the daemon's own thread and runtime.
pub(crate) async fn supervise(
    server: Server,
    mut wishes_in: mpsc::Receiver<Wish>,
    state: Arc<State>,
    opener: JoinHandle<()>,
    phase: watch::Sender<Phase>,
) -> Ending {
    let handle = server.handle();
    let serving = actix_web::rt::spawn(server);
    let mut ending = match wishes_in.recv().await {
        Some(Wish::Stop) | None => Ending::Stopped,
        Some(Wish::StoreFailed(cause)) => Ending::StoreFailed(cause),
        Some(Wish::NotOpened(error)) => Ending::NotOpened(error),
        Some(Wish::NotStarted(error)) => Ending::NotStarted(error),
    };
    phase.send_replace(Phase::Stopping);
    if !stop_serving(&handle, &mut wishes_in, &mut ending).await {
        // Once the server stops gracefully it hears no other command, so it is cut short by being dropped.
        serving.abort();
    }
    // The server has ended; what it says at its end is of no further use.
    drop(serving.await);
    // Nothing else runs on this thread any more, so waiting on it holds up nobody.
    if opener.join().is_err() {
        tracing::error!("opening the store panicked");
    }
    if let Some(ingestor) = state.opened() {
        let store = ingestor.store();
        store.close();
        while let Ok(wish) = wishes_in.try_recv() {
            take_failure(wish, &mut ending);
        }
        // What it had to say may have found no room in the queue.
        if store.health() == Health::Failed {
            take_failure(Wish::StoreFailed("it could not be closed in good order".to_owned()), &mut ending);
        }
    }
    ending
}

/// Waits until requests in flight are answered; false when they are to be cut: for a second stop, or once the
/// time of a failed store is over.
async fn stop_serving(
    handle: &ServerHandle,
    wishes_in: &mut mpsc::Receiver<Wish>,
    ending: &mut Ending,
) -> bool {
    let mut stopped = pin!(handle.stop(true));
    let mut failed_stop = pin!(tokio::time::sleep(FAILED_STOP_TIMEOUT));
    loop {
        let has_failed = !matches!(ending, Ending::Stopped);
        tokio::select! {
            () = &mut stopped => return true,
            () = &mut failed_stop, if has_failed => return false,
            Some(wish) = wishes_in.recv() => {
                if matches!(wish, Wish::Stop) {
                    return false;
                }
                take_failure(wish, ending);
                if !has_failed {
                    failed_stop.as_mut().reset(Instant::now() + FAILED_STOP_TIMEOUT);
                }
            }
        }
    }
}

/// Lets an ending that was to be good become that of a failed store: what is not on the disk is not well ended.
///
/// A store that did not open has taken nothing, and need not: the daemon was told to stop.
fn take_failure(wish: Wish, ending: &mut Ending) {
    if let (Wish::StoreFailed(cause), Ending::Stopped) = (wish, &*ending) {
        *ending = Ending::StoreFailed(cause);
    }
}
