//! Makes sled 0.34.7 wait for the disk.
//!
//! After each write sled calls `sync_file_range`, which neither flushes the disk's cache nor commits new extents, and
//! then believes the bytes to be stable: it frees the segments that they replace and overwrites them in place. A
//! power cut between that and our own sync at the checkpoint loses pages of which the checkpoint was sure. sled
//! has a way out for kernels without the call: when it gets `ENOSYS`, it calls `fsync`. So this crate is such a
//! kernel: it defines the symbol, the linker takes it before the C library's, and sled syncs for real.
//!
//! Nothing else in the process calls `sync_file_range`; whoever adds such a call gets `ENOSYS` as well, and must
//! have a fall-back, as the call's own documentation demands.

#![cfg(target_os = "linux")]

use std::{
    ffi::{c_int, c_uint},
    sync::atomic::{AtomicU64, Ordering},
};

use errno::{Errno, set_errno};

/// Number of the error "function not implemented", the same on every Linux architecture that Rust names tier 1.
const ENOSYS: i32 = 38;

static DECLINED: AtomicU64 = AtomicU64::new(0);

/// Declines: sets `errno` to `ENOSYS` and returns -1. Reads and writes nothing else.
#[expect(
    unsafe_code,
    reason = "defining a symbol of the C library is the whole point; see the SAFETY comment"
)]
// SAFETY: the signature is that of sync_file_range(2) for 64-bit offsets, it upholds that function's contract (a
// kernel may answer ENOSYS), and it touches no memory but the thread's errno and an atomic counter.
#[unsafe(no_mangle)]
pub extern "C" fn sync_file_range(_file: c_int, _offset: i64, _bytes: i64, _flags: c_uint) -> c_int {
    DECLINED.fetch_add(1, Ordering::Relaxed);
    set_errno(Errno(ENOSYS));
    -1
}

/// How often the call was declined since the process started: proof that the symbol is the one in use.
pub fn declined_count() -> u64 {
    DECLINED.load(Ordering::Relaxed)
}

#[cfg(test)]
mod tests {
    use super::{ENOSYS, declined_count, sync_file_range};

    #[test]
    fn declining_says_that_the_call_does_not_exist() {
        let before = declined_count();
        assert_eq!(sync_file_range(0, 0, 0, 0), -1);
        assert_eq!(std::io::Error::last_os_error().raw_os_error(), Some(ENOSYS));
        assert!(before < declined_count());
    }
}
