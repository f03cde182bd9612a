//! sled syncs for real, and writes no blob files.

use super::{PIECE_BYTES_MAX, Trees, get_pieces, put_pieces};

/// The C library's call would let sled overwrite segments whose replacement is not on the disk yet, and a power
/// cut then loses what a checkpoint was sure of.
#[test]
fn sled_syncs_for_real() {
    let dir = tempfile::tempdir().unwrap();
    let before = sluice_sync::declined_count();
    let trees = Trees::open(dir.path()).unwrap();
    put_pieces(&trees.indicators, b"part", 0, &vec![7; 3 * PIECE_BYTES_MAX]).unwrap();
    trees.sync().unwrap();
    assert!(before < sluice_sync::declined_count());
}

/// sled overwrites what the snapshot before needs once a new one has its name, and does not see to it that it keeps it.
#[test]
fn names_of_snapshots_are_synced() {
    let dir = tempfile::tempdir().unwrap();
    let trees = Trees::open(dir.path()).unwrap();
    put_pieces(&trees.indicators, b"part", 0, &vec![7; 3 * PIECE_BYTES_MAX]).unwrap();
    trees.sync().unwrap();
    drop(trees);
    let before = sluice_sync::names_synced_count();
    drop(Trees::open(dir.path()).unwrap());
    assert!(before < sluice_sync::names_synced_count());
}

/// sled's own thread would copy segments for ever, of a store that was opened with much free space between them.
#[test]
fn trees_at_rest_are_not_written() {
    const PIECES: u32 = 3_000;
    let dir = tempfile::tempdir().unwrap();
    let bytes = vec![7; PIECES as usize * PIECE_BYTES_MAX];
    let trees = Trees::open(dir.path()).unwrap();
    for part in [b"1", b"2"] {
        put_pieces(&trees.indicators, part, 0, &bytes).unwrap();
    }
    super::remove_pieces(&trees.indicators, b"1", 0, PIECES).unwrap();
    trees.sync().unwrap();
    drop(trees);
    let trees = Trees::open(dir.path()).unwrap();
    put_pieces(&trees.indicators, b"3", 0, &bytes[..400 * PIECE_BYTES_MAX]).unwrap();
    trees.sync().unwrap();
    let written = || std::fs::read(dir.path().join("db")).unwrap();
    let at_first = written();
    std::thread::sleep(std::time::Duration::from_secs(1));
    assert!(at_first == written());
}

#[test]
fn full_pieces_make_no_blobs() {
    let dir = tempfile::tempdir().unwrap();
    let trees = Trees::open(dir.path()).unwrap();
    let bytes: Vec<u8> = (0..=250).cycle().take(400 * PIECE_BYTES_MAX).collect();
    put_pieces(&trees.indicators, b"part", 0, &bytes).unwrap();
    for piece in (0..400).step_by(3) {
        super::remove_pieces(&trees.indicators, b"part", piece, 1).unwrap();
    }
    trees.sync().unwrap();
    let blobs = std::fs::read_dir(dir.path().join("blobs")).map_or(0, Iterator::count);
    assert_eq!(blobs, 0);
    let read = |from, count| get_pieces(&trees.indicators, b"part", from, count).unwrap();
    assert_eq!(*read(1, 2).unwrap(), bytes[PIECE_BYTES_MAX..3 * PIECE_BYTES_MAX]);
    assert_eq!(*read(2, 1).unwrap(), bytes[2 * PIECE_BYTES_MAX..3 * PIECE_BYTES_MAX]);
    assert!(read(0, 2).is_none() && read(0, 1).is_none());
}
