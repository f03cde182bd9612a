//! The listener that serves metrics alone, to anybody who can reach it.
//!
//! In: a socket and the shared state. Out: a thread with a server of its own, so that a scrape waits for no thread that
//! serves requests. It goes on while the daemon starts and stops, until the store is closed.

use std::{
    io,
    net::TcpListener,
    sync::{
        Arc,
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

use tokio::sync::oneshot;

use super::front;
use crate::{config::HttpSettings, life::state::State};

/// How long the end of the daemon waits for that of the thread.
const CLOSE_WAIT: Duration = Duration::from_secs(2);

/// A running listener.
pub(crate) struct ScrapeListener {
    stop: oneshot::Sender<()>,
    /// Closed when the thread ends.
    ended: mpsc::Receiver<()>,
}

impl ScrapeListener {
    /// Starts the thread.
    ///
    /// # Errors
    ///
    /// When the operating system refuses a thread.
    pub(crate) fn start(
        listener: TcpListener,
        settings: HttpSettings,
        state: &Arc<State>,
    ) -> io::Result<Self> {
        let state = Arc::clone(state);
        let (stop, stopped) = oneshot::channel();
        let (running, ended) = mpsc::channel();
        let serve = async move {
            let server = match front::start_for_metrics(settings, listener, &state) {
                Ok(server) => server,
                Err(error) => {
                    return tracing::error!(%error, "the metrics are not served on a listener of their own");
                }
            };
            let handle = server.handle();
            let serving = actix_web::rt::spawn(server);
            // Whether it is told, or who would tell it is gone.
            drop(stopped.await);
            handle.stop(false).await;
            // How it has ended makes no difference any more.
            drop(serving.await);
        };
        let run = move || {
            let _running: mpsc::Sender<()> = running;
            actix_web::rt::System::new().block_on(serve);
        };
        thread::Builder::new().name("metrics".to_owned()).spawn(run)?;
        Ok(Self { stop, ended })
    }

    /// Ends the thread. Blocking, for a bounded time.
    pub(crate) fn close(self) {
        // It may have ended by itself.
        let _has_ended = self.stop.send(()).is_err();
        if self.ended.recv_timeout(CLOSE_WAIT) == Err(RecvTimeoutError::Timeout) {
            tracing::warn!("the listener for metrics does not end");
        }
    }
}
