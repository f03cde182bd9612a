//! Limits of control groups, of both versions.

use std::fs;

use sluice_model::memory_plan::RESIDENT_BYTES_MIN;

use super::{group_limit, least};

/// Lays files out and gives the limit, with its file.
fn limit(files: &[(&str, &str)], own: &str) -> Option<(u64, String)> {
    let root = tempfile::tempdir().unwrap();
    for (path, text) in files {
        let path = root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let (bytes, path) = group_limit(root.path(), own)?;
    Some((bytes, path.strip_prefix(root.path()).unwrap().display().to_string()))
}

#[test]
fn the_least_limit_on_the_way_to_the_group_holds() {
    let unit = "system.slice/sluiced.service";
    let (max, above) = (format!("{unit}/memory.max"), "system.slice/memory.max");
    let own = format!("0::/{unit}\n");
    let files = [(max.as_str(), "536870912\n"), (above, "1073741824\n")];
    assert_eq!(limit(&files, &own), Some((512 << 20, max.clone())));
    assert_eq!(limit(&[(&max, "max\n"), (above, "1073741824\n")], &own), Some((1 << 30, above.to_owned())));
    let high = format!("{unit}/memory.high");
    assert_eq!(limit(&[(&max, "536870912\n"), (&high, "1048576")], &own), Some((1 << 20, high.clone())));
    assert_eq!(limit(&[(&max, "max\n")], &own), None);
    assert_eq!(limit(&[], &own), None);
    // In a container, which sees its own group as the root.
    assert_eq!(limit(&[("memory.max", "268435456")], "0::/\n"), Some((256 << 20, "memory.max".to_owned())));
    assert_eq!(limit(&[("memory.max", "5")], "0::/docker/abc\n"), Some((5, "memory.max".to_owned())));
    // What is outside of the tree is not looked at.
    assert_eq!(limit(&[("memory.max", "5")], "0::/../../..\n"), Some((5, "memory.max".to_owned())));
}

#[test]
fn the_first_version_of_control_groups_has_a_tree_for_memory() {
    let files = [("memory/docker/abc/memory.limit_in_bytes", "268435456\n"), ("cpu/memory.max", "1")];
    let own = "5:cpu,cpuacct:/\n4:memory:/docker/abc\nnonsense\n";
    let want = "memory/docker/abc/memory.limit_in_bytes";
    assert_eq!(limit(&files, own), Some((256 << 20, want.to_owned())));
}

#[test]
fn a_machine_keeps_half_of_its_memory_and_the_plan_what_works() {
    let group = |bytes| Some((bytes, "memory.max".into()));
    assert_eq!(least(None, 8 << 30).0, 4 << 30);
    assert_eq!(least(group(2 << 30), 2_u64.pow(35)), (2 << 30, "memory.max".to_owned()));
    // The first version writes a huge number where there is no limit.
    assert_eq!(least(group(i64::MAX.cast_unsigned()), 8 << 30).0, 4 << 30);
    let (bytes, source) = least(group(1 << 20), 8 << 30);
    assert_eq!(bytes, RESIDENT_BYTES_MIN as u64);
    assert_eq!(source, "the least that works; memory.max is 1048576B");
}
