//! Feeds of files, and those that are made up.

use std::{fs, path::Path};

use super::{FeedFile, FeedOptions};

fn lines(path: &Path) -> anyhow::Result<Vec<String>> {
    let (mut file, mut lines, mut line) = (FeedFile::open(path)?, Vec::new(), Vec::new());
    while file.next_line(&mut line)? {
        lines.push(String::from_utf8(std::mem::take(&mut line))?);
    }
    Ok(lines)
}

#[test]
fn lines_come_without_their_ends() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("feed.jsonl");
    fs::write(&path, "{\"a\":1}\r\n\n{\"a\":2}").unwrap();
    assert_eq!(lines(&path).unwrap(), ["{\"a\":1}", "", "{\"a\":2}"]);
}

#[test]
fn a_packed_feed_that_is_broken_is_not_a_short_one() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("feed.jsonl.zst");
    fs::write(&path, "not packed at all").unwrap();
    assert!(lines(&path).is_err());
}

#[test]
fn a_feed_is_made_up_when_there_is_no_file() {
    let options = |lines, seed| FeedOptions { feed: None, tags: None, lines, seed };
    let lines = |options: &FeedOptions| {
        let (mut lines, mut text, mut count) = (options.open().unwrap(), Vec::new(), 0);
        while count < 1_000 && lines.next_line(&mut text).unwrap() {
            count += 1;
            text.push(b'\n');
        }
        (count, text)
    };
    let (few, many) = (lines(&options(Some(10), 1)), lines(&options(None, 1)));
    assert_eq!((few.0, many.0), (10, 1_000));
    assert!(many.1.starts_with(&few.1));
    assert_ne!(lines(&options(Some(10), 2)), few);
    assert!(options(None, 1).tags().unwrap().contains(&"PHISHING".to_owned()));
}
