//! What only shows inside a running daemon.

use std::time::{Duration, Instant};

use sluice_store::DirLock;

use crate::{
    config::{self, Flags},
    life::sockets::Inherited,
    serve,
};

/// Longest wait for threads that start.
const START_WAIT_MAX: Duration = Duration::from_mins(1);

#[test]
fn every_thread_of_connections_beats_and_counts_for_the_watchdog() {
    let dir = tempfile::tempdir().unwrap();
    let variables = [
        ("SLUICE_LISTEN", "127.0.0.1:0"),
        ("SLUICE_DATA_DIR", dir.path().to_str().unwrap()),
        ("SLUICE_DISK_RESERVE_BYTES", "0"),
        ("SLUICE_HTTP__WORKERS", "3"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let config = config::load(None, variables.into_iter(), Flags::default()).unwrap();
    let lock = DirLock::take(dir.path()).unwrap();
    let daemon = serve(config, lock, Inherited::default()).unwrap();
    let now = tokio::time::Instant::now;
    let started = Instant::now();
    while daemon.state.beats.count(now()).all < 3 {
        assert!(started.elapsed() < START_WAIT_MAX, "{:?}", daemon.state.beats.count(now()));
    }
    assert_eq!(daemon.state.beats.count(now()).all, 3);
    assert!(daemon.is_responsive());
    // As if none had beaten for an hour.
    assert!(!daemon.is_responsive_at(now() + Duration::from_hours(1)));
    daemon.stop();
    daemon.join().unwrap();
}
