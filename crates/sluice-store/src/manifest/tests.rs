//! A manifest as a file.

use std::fs;

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
