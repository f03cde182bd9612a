//! The socket of a running daemon: bound once its store is open, gone when the daemon begins to stop.

use std::{
    fs, io,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
    sync::Arc,
    thread,
    time::Duration,
};

use sluice_store::{Health, Store};
use tokio::{
    net::UnixListener,
    sync::{OwnedSemaphorePermit, Semaphore, watch},
};

use super::{reach_socket, serving, socket_path};
use crate::life::{lifecycle::Phase, state::State};

/// How long a snapshot waits for another one: that of a command that was killed ends soon.
const TURN_WAIT: Duration = Duration::from_mins(1);
/// Pause after a connection that could not be accepted: file descriptors may be short.
const ACCEPT_PAUSE: Duration = Duration::from_secs(1);

/// Takes connections until the daemon begins to stop. A socket that cannot be bound costs snapshots, nothing else.
pub(crate) async fn listen(data_dir: PathBuf, state: Arc<State>, mut phase: watch::Receiver<Phase>) {
    // Before the store is open, the socket may be another daemon's.
    if phase.wait_for(|phase| *phase != Phase::Opening).await.is_err() {
        return;
    }
    let path = socket_path(&data_dir);
    let listener = match bind(&data_dir, &path) {
        Ok(listener) => listener,
        Err(error) => {
            let path = path.display();
            tracing::warn!(%error, %path, "`sluiced snapshot` cannot reach this daemon: the socket cannot be made");
            return;
        }
    };
    let turn = Arc::new(Semaphore::new(1));
    let serving_phase = phase.clone();
    let accept = async {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let Some(store) = state.opened().map(|ingestor| ingestor.store().clone()) else {
                        continue;
                    };
                    let (turn, phase) = (Arc::clone(&turn), serving_phase.clone());
                    // It ends with the runtime.
                    drop(actix_web::rt::spawn(async move {
                        let turn = tokio::time::timeout(TURN_WAIT, turn.acquire_owned()).await;
                        let turn = turn.ok().and_then(Result::ok);
                        if let Err(error) = start(stream, store, turn, phase) {
                            tracing::warn!(%error, "a connection of `sluiced snapshot` could not be served");
                        }
                    }));
                }
                Err(_) => tokio::time::sleep(ACCEPT_PAUSE).await,
            }
        }
    };
    tokio::select! {
        () = accept => {}
        _ = phase.wait_for(|phase| *phase == Phase::Stopping) => {}
    }
    // The next daemon on this directory makes one of its own, and this one is still the only one.
    drop(fs::remove_file(&path));
}

fn bind(data_dir: &Path, path: &Path) -> io::Result<UnixListener> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let listener = reach_socket(data_dir, |path| UnixListener::bind(path))?;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))?;
    Ok(listener)
}

/// Serves a connection on a thread of its own, if it is its turn.
fn start(
    stream: tokio::net::UnixStream,
    store: Store,
    turn: Option<OwnedSemaphorePermit>,
    phase: watch::Receiver<Phase>,
) -> io::Result<()> {
    let stream = stream.into_std()?;
    stream.set_nonblocking(false)?;
    let Some(turn) = turn else { return serving::refuse(&stream, "another snapshot is under way") };
    let serve = move || {
        let may_go_on = || *phase.borrow() == Phase::Ready && store.health() == Health::Writable;
        if let Err(error) = serving::serve(&store, &stream, &may_go_on) {
            tracing::warn!(%error, "a snapshot was not finished");
        }
        drop(turn);
    };
    thread::Builder::new().name("snapshot".to_owned()).spawn(serve).map(drop)
}
