//! Both ends of the parts thread, and how one ends without the other.

use std::{collections::BTreeMap, sync::Arc, thread, time::Duration};

use super::parts_thread;
use crate::{error::TreeError, trees::Trees};

/// The compaction thread must not wait for ever for a thread that has panicked: then the process could not end.
#[test]
fn a_part_ends_with_the_thread_that_writes_it() {
    let dir = tempfile::tempdir().unwrap();
    let trees = Arc::new(Trees::open(&dir.path().join("trees")).unwrap());
    for requests_left in [0, 1, 3] {
        let (mut parts, run) = parts_thread(Arc::clone(&trees));
        let requests = parts.requests.clone();
        let (ended, end) = std::sync::mpsc::channel();
        let write = move || {
            let written = parts.begin(1).and_then(|()| parts.finish(BTreeMap::new()));
            ended.send(matches!(written, Err(TreeError::PartsEnded))).unwrap();
        };
        let writer = thread::Builder::new().name("writer".to_owned()).spawn(write).unwrap();
        while requests.len() < requests_left {
            thread::yield_now();
        }
        drop(run);
        assert_eq!(end.recv_timeout(Duration::from_secs(30)), Ok(true), "{requests_left} requests left");
        writer.join().unwrap();
    }
}
