//! A disk that is full before the daemon starts: it starts all the same, answers lookups and refuses writes, as often as it
//! is killed, and goes on once there is room.
//!
//! In: the daemon's binary, a number of kills and a seed. Out: a summary, or `None` where nobody may mount the small file
//! system that this takes. Clients fill the data directory, so that there are runs, and a log that a kill has left behind;
//! then the file system is filled to its last byte, before and after each start.

mod small_disk;

use std::{
    fmt,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use small_disk::SmallDisk;

use crate::{
    crash::scripted::{History, Outcome, ScriptedClient},
    daemon::Daemon,
    script::Script,
};

/// Enough for a flush, which wants 64 MiB to be free.
const DISK_MIB: u32 = 128;
/// So that it is the daemon that refuses, and not its file system.
const SETTINGS: [(&str, &str); 2] =
    [("SLUICE_DISK_RESERVE_BYTES", "1048576"), ("SLUICE_LOG_BYTES_MAX", "16777216")];
/// Operations of a client before the disk is full, and again after a stop.
const OPERATIONS: u32 = 60;
/// Operations that are tried at each start on the full disk.
const REFUSED_OPERATIONS: u32 = 8;
const KEYS: u32 = 300;
/// Longest time until the room for the next start is held.
const ROOM_WAIT: Duration = Duration::from_secs(30);

/// What was done.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct FullDiskSummary {
    /// What the histories were drawn from.
    pub seed: u64,
    /// Starts on the full disk, each of which a kill ended.
    pub starts: u32,
    /// Requests answered with success while there was room.
    pub acked: u64,
    /// Writes refused while there was none.
    pub refused: u64,
    /// Values that were looked up and compared.
    pub compared: u64,
    /// Bytes that were held for the next start before the disk was full.
    pub room_bytes_before: u64,
    /// Bytes that were held at the end of the last start on it.
    pub room_bytes_after: u64,
}

impl fmt::Display for FullDiskSummary {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, starts, acked, refused, compared, room_bytes_before, room_bytes_after } = self;
        write!(
            formatter,
            "seed {seed}: {starts} starts on a full disk, each killed: {acked} acknowledged before and after, {refused} \
             refused, {compared} values compared, {room_bytes_before} bytes of room before and {room_bytes_after} after: 0 \
             lost, 0 failed starts"
        )
    }
}

/// Starts the daemon so many times on a full disk, and kills it.
pub fn run(binary: &Path, starts: u32, seed: u64) -> Option<FullDiskSummary> {
    println!("seed {seed}");
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    std::fs::create_dir(&data_dir).unwrap();
    let disk = SmallDisk::mount(&data_dir, DISK_MIB)?;
    let binary = disk.wrap(binary, &dir.path().join("sluiced"));
    let start = || Daemon::start_with(&binary, dir.path(), &SETTINGS);
    let draw = |seed, client, number, model: &_| Script { seed, keys: KEYS }.operation(client, number, model);
    let mut client = ScriptedClient::new(0, History { seed, keys: KEYS, draw });
    let mut summary = FullDiskSummary { seed, starts, ..FullDiskSummary::default() };

    // A stop makes a checkpoint, so the second life is in the log, and the first in the trees.
    for is_killed in [false, true] {
        let mut daemon = start();
        daemon.wait_until_ready();
        work(&mut client, &daemon, OPERATIONS);
        wait_for_room(&disk, 1);
        if is_killed {
            daemon.kill();
        } else {
            assert!(daemon.terminate().success());
        }
    }
    summary.room_bytes_before = disk.length_of("SPARE");
    disk.fill();
    for number in 0..starts {
        let mut daemon = start();
        daemon.wait_until_open();
        assert!(0 < disk.length_of("SPARE"), "start {number} leaves no room for the next one");
        disk.fill();
        let mut http = daemon.client();
        assert_eq!(http.request("GET", "/readyz", b"").unwrap().status, 507);
        summary.compared += client.check(&mut http);
        for _ in 0..REFUSED_OPERATIONS {
            let outcome = client.step(&mut http);
            assert!(matches!(outcome, Outcome::Refused | Outcome::Read), "start {number}: {outcome:?}");
        }
        summary.compared += client.check(&mut http);
        daemon.kill();
    }
    summary.room_bytes_after = disk.length_of("SPARE");
    disk.empty();
    for _ in 0..2 {
        let mut daemon = start();
        daemon.wait_until_ready();
        summary.compared += client.check(&mut daemon.client());
        work(&mut client, &daemon, OPERATIONS);
        wait_for_room(&disk, summary.room_bytes_before);
        assert!(daemon.terminate().success());
    }
    (summary.acked, summary.refused) = (client.counts.acked, client.counts.refused);
    Some(summary)
}

/// Does so many operations, none of which may be refused.
fn work(client: &mut ScriptedClient, daemon: &Daemon, operations: u32) {
    let mut http = daemon.client();
    for _ in 0..operations {
        let outcome = client.step(&mut http);
        assert!(matches!(outcome, Outcome::Acked | Outcome::Read), "{outcome:?}: {}", daemon.said());
    }
}

/// Waits until the daemon holds the room that its next start wants.
fn wait_for_room(disk: &SmallDisk, bytes: u64) {
    let give_up = Instant::now() + ROOM_WAIT;
    while disk.length_of("SPARE") < bytes {
        assert!(Instant::now() < give_up, "no room is held for the next start");
        thread::park_timeout(Duration::from_millis(20));
    }
}
