//! The commands that keep and check copies of the data.

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, chown},
};

use crate::commands::{first_start, for_each_below, run};

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).unwrap()
}

#[test]
fn verify_tells_a_whole_directory_from_a_damaged_one_and_one_that_is_none() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    let name = data_dir.to_str().unwrap();
    let output = run(&data_dir, &["verify", name]);
    assert_eq!(output.status.code(), Some(1));
    assert!(!data_dir.exists(), "a command made the directory");

    first_start(&data_dir, &[]);
    let output = run(&data_dir, &["verify", name]);
    assert!(output.status.success(), "{output:?}");
    assert!(text(output.stdout).contains("is whole: commit "));
    assert!(text(output.stderr).contains("verified 100 %"));

    fs::write(data_dir.join("accounts.json"), "{").unwrap();
    let mut manifest = fs::read(data_dir.join("MANIFEST")).unwrap();
    manifest[30] ^= 1;
    fs::write(data_dir.join("MANIFEST"), manifest).unwrap();
    let output = run(&data_dir, &["verify", name]);
    assert_eq!(output.status.code(), Some(1));
    let (listed, told) = (text(output.stdout), text(output.stderr));
    assert!(listed.contains("MANIFEST: it fails its checksum"), "{listed}");
    assert!(listed.contains("This means: the daemon does not start"), "{listed}");
    assert!(listed.contains("accounts.json: "), "{listed}");
    assert!(told.ends_with("is damaged in 2 places; they are listed above\n"), "{told}");
}

#[test]
fn a_superusers_verify_leaves_files_that_the_daemon_can_read() {
    let dir = tempfile::tempdir().unwrap();
    let data_dir = dir.path().join("data");
    first_start(&data_dir, &[]);
    if rustix::process::geteuid().is_root() {
        for_each_below(&data_dir, &mut |path, _| chown(path, Some(54_321), Some(54_322)).unwrap());
    }
    let owner = fs::metadata(&data_dir).unwrap();
    assert!(run(&data_dir, &["verify", data_dir.to_str().unwrap()]).status.success());
    for_each_below(&data_dir, &mut |path, metadata| {
        assert_eq!((metadata.uid(), metadata.gid()), (owner.uid(), owner.gid()), "{}", path.display());
    });
}
