//! The thread that builds lists for devices.
//!
//! In: the lists and the store, looked at twice a second and whenever a list is wanted that is not there. Out: nothing; what it does stands in
//! [`lists`](crate::lists). It ends when the daemon does, in the middle of a list if need be.

use std::{
    io,
    sync::{Arc, Weak},
    thread,
    time::Duration,
};

use super::state::State;
use crate::lists::Lists;

/// How often lists are looked at.
const LOOK_INTERVAL: Duration = Duration::from_millis(500);

/// Starts the thread.
///
/// # Errors
///
/// When the operating system refuses a thread.
pub(crate) fn start(state: &Arc<State>) -> io::Result<()> {
    let (lists, state) = (Arc::clone(&state.lists), Arc::downgrade(state));
    thread::Builder::new().name("lists".to_owned()).spawn(move || build_again_and_again(&lists, &state))?;
    Ok(())
}

fn build_again_and_again(lists: &Lists, state: &Weak<State>) {
    while let Some(state) = state.upgrade() {
        let is_stopping = || state.stopping.has_begun() || state.for_reading().is_err();
        if let Some(ingestor) = state.opened() {
            lists.build_due(ingestor, &is_stopping);
        }
        drop(state);
        lists.wait(LOOK_INTERVAL);
    }
}
