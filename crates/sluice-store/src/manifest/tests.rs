//! A manifest as a file.

use std::fs;

use expect_test::{Expect, expect};

use super::{FILE, Manifest, checksum_line};

#[test]
fn every_flipped_bit_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(Manifest::read(dir.path()).unwrap(), None);
    let manifest = Manifest::empty();
    manifest.write(dir.path()).unwrap();
    assert_eq!(Manifest::read(dir.path()).unwrap(), Some(manifest));
    let whole = fs::read(dir.path().join(FILE)).unwrap();
    for bit in 0..whole.len() * 8 {
        let mut damaged = whole.clone();
        damaged[bit / 8] ^= 1 << (bit % 8);
        fs::write(dir.path().join(FILE), damaged).unwrap();
        assert!(Manifest::read(dir.path()).is_err(), "bit {bit}");
    }
}

#[test]
fn a_manifest_without_stamps_is_read() {
    let dir = tempfile::tempdir().unwrap();
    Manifest::empty().write(dir.path()).unwrap();
    let text = fs::read_to_string(dir.path().join(FILE)).unwrap();
    let (_, body) = text.split_once('\n').unwrap();
    assert_eq!(body.matches("\"stamps\": null,").count(), 1);
    let body = body.replace("\"stamps\": null,", "");
    fs::write(dir.path().join(FILE), format!("{}\n{body}", checksum_line(&body))).unwrap();
    assert_eq!(Manifest::read(dir.path()).unwrap(), Some(Manifest::empty()));
}

#[track_caller]
fn check_refused(body: &str, wanted: &Expect) {
    let dir = tempfile::tempdir().unwrap();
    fs::write(dir.path().join(FILE), format!("{}\n{body}", checksum_line(body))).unwrap();
    let told = Manifest::read(dir.path()).unwrap_err().to_string();
    wanted.assert_eq(&told.replace(dir.path().to_str().unwrap(), "DIR"));
}

/// Of the fields of this version, the others have some and lack some. A manifest that lacked one was once called damaged.
#[test]
fn other_formats_are_told_from_damage() {
    let older = r#"{"format": 1, "sequence": 7, "log_lsn": 32, "next_txn": 2, "runs": []}"#;
    check_refused(
        older,
        &expect![
            "DIR/MANIFEST is of the older data format 1, and this version reads none before 2. Nothing was changed. No version converts it; to begin anew with the same accounts, move it aside: cd DIR && mkdir format-1 && mv MANIFEST log trees format-1. Then start, create the suppliers and tags and push the feeds again"
        ],
    );
    let newer = r#"{"version": "7.1.0", "format": 4, "sequences": [7], "runs": {}}"#;
    check_refused(
        newer,
        &expect![
            "DIR/MANIFEST is of the newer data format 4, written by version 7.1.0, and this version reads none after 3. Nothing was changed. Start version 7.1.0 again, or restore a snapshot from before the upgrade into an empty directory: sluiced restore URL --at TIME DIR"
        ],
    );
    check_refused(
        r#"{"format": 4294967295}"#,
        &expect![
            "DIR/MANIFEST is of the newer data format 4294967295, written by a later version, and this version reads none after 3. Nothing was changed. Start a later version again, or restore a snapshot from before the upgrade into an empty directory: sluiced restore URL --at TIME DIR"
        ],
    );
    check_refused(
        r#"{"version": "7.1.0"}"#,
        &expect![
            "DIR/MANIFEST is damaged: missing field `format` at line 1 column 20. Nothing was changed. Going on would lose acknowledged data: restore the data directory from a backup, or move it away, start with an empty one and push everything again"
        ],
    );
    check_refused(
        r#"{"format": 3, "version": "0.1.0"}"#,
        &expect![
            "DIR/MANIFEST is damaged: missing field `sequence` at line 1 column 33. Nothing was changed. Going on would lose acknowledged data: restore the data directory from a backup, or move it away, start with an empty one and push everything again"
        ],
    );
}
