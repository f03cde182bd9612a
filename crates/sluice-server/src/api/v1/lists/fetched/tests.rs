//! Names of files.

use super::{FetchedList, ListDigest};
use crate::{http::problem::Cause, lists::format::ListFormat};

#[test]
fn a_file_is_a_list_a_format_and_perhaps_a_digest() {
    for (segment, format, digest) in [
        ("edge.txt", ListFormat::Txt, None),
        ("edge.txt.md5", ListFormat::Txt, Some(ListDigest::Md5)),
        ("edge.squid.domains", ListFormat::SquidDomains, None),
        ("edge.squid.domains.sha256", ListFormat::SquidDomains, Some(ListDigest::Sha256)),
    ] {
        let fetched = FetchedList::parse(segment).unwrap();
        assert_eq!(
            (fetched.name.as_str(), fetched.format, fetched.digest),
            ("edge", format, digest),
            "{segment}"
        );
    }
}

#[test]
fn what_is_no_format_is_told_which_there_are() {
    for segment in
        ["edge", "edge.", "edge.exe", "edge.md5", "edge.txt.sig", "edge.suricata.tar.gz", "edge.txt.md5.md5"]
    {
        let Err(Cause::NotFound(reason)) = FetchedList::parse(segment) else { panic!("{segment}") };
        assert!(reason.contains("squid.domains, squid.ips"), "{reason}");
    }
    let Err(Cause::NotFound(reason)) = FetchedList::parse("Edge.txt") else { panic!("a name in capitals") };
    assert_eq!(reason, "List doesn't exist");
}
