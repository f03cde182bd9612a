//! The allocator, and what it keeps of memory that is free.
//!
//! In: the memory that there is to make do with. Out: a process whose allocator keeps free memory for a while, which is quick,
//! or, where there is little, gives it back at once: what it would keep is in no plan, and a control group counts it.

use std::{env, os::unix::process::CommandExt as _, process::Command};

use sluice_model::limits::MIB;

// Bodies allocate and free gigabytes in small pieces on many threads, which glibc's allocator turns into page faults: a
// tenth of the CPU time of a body.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// Milliseconds after which the allocator gives back what is free. It reads this before anything of ours runs.
const PURGE_DELAY: &str = "MIMALLOC_PURGE_DELAY";

/// The same for glibc's allocator, which is zstd's: the bytes from which on a piece is mapped alone, and unmapped when it is
/// free. Unless this is set, glibc raises it to whatever has been freed, and each thread keeps twice that.
const MMAP_THRESHOLD: &str = "MALLOC_MMAP_THRESHOLD_";

/// Bytes of memory from which on it may keep some.
const PLENTY_BYTES: u64 = 1_024 * MIB as u64;

/// Begins the process anew where memory is little, with allocators that give back at once. Nothing may be open by now. Whoever
/// sets one of the variables has the say over that one; a process that cannot begin anew goes on.
pub(crate) fn fit(memory_bytes: u64) {
    let wanted = [(PURGE_DELAY, "0"), (MMAP_THRESHOLD, "131072")];
    let mut unset = wanted.into_iter().filter(|(name, _)| env::var_os(name).is_none()).peekable();
    if memory_bytes < PLENTY_BYTES && unset.peek().is_some() {
        // Also if the file has been replaced.
        let mut again = Command::new("/proc/self/exe");
        again.args(env::args_os().skip(1)).envs(unset);
        if let Some(name) = env::args_os().next() {
            again.arg0(name);
        }
        let _cannot = again.exec();
    }
}
