//! A manifest as a file.

use std::fs;

use super::{FILE, Manifest};

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
