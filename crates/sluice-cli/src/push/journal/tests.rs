//! Cases: what of a journal still counts.

use super::*;

fn identity(path: &str, bytes: u64) -> Identity {
    let text = format!(
        r#"{{"path":"{path}","bytes":{bytes},"modified_seconds":1,"modified_nanoseconds":2,"start_hash":3}}"#
    );
    serde_json::from_str(&text).unwrap()
}

fn journal(files: Vec<Option<Identity>>) -> String {
    let entry = |file, start, end| {
        Entry::Stored(Stored {
            file,
            start,
            end,
            lines: 2,
            rows: 2,
            accepted: 2,
            refused: 0,
            allowed: 0,
            at_seconds: 7,
        })
    };
    let entries = [entry(0, 0, Some(10)), entry(0, 10, None), entry(1, 0, Some(20))];
    let lines: String = entries.iter().map(line).collect();
    format!("{}{lines}", line(&Header { files }))
}

fn place(entry: &Entry) -> (usize, u64) {
    match entry {
        Entry::Begun { file, start, .. } => (*file, *start),
        Entry::Stored(stored) => (stored.file, stored.start),
    }
}

fn check(text: &str, now: &[Option<Identity>], expect: &[(usize, u64)]) {
    let kept: Vec<_> = still_true(text, now).iter().map(place).collect();
    assert_eq!(kept, expect);
}

#[test]
fn files_that_are_as_they_were_are_gone_on_with() {
    let files = vec![Some(identity("/a", 30)), Some(identity("/b", 20))];
    check(&journal(files.clone()), &files, &[(0, 0), (0, 10), (1, 0)]);
}

#[test]
fn a_file_that_has_changed_begins_anew_alone() {
    let text = journal(vec![Some(identity("/a", 30)), Some(identity("/b", 20))]);
    check(&text, &[Some(identity("/a", 31)), Some(identity("/b", 20))], &[(1, 0)]);
    check(&text, &[None, Some(identity("/b", 20))], &[(1, 0)]);
}

#[test]
fn a_torn_line_and_a_torn_journal_count_as_nothing() {
    let files = vec![Some(identity("/a", 30)), Some(identity("/b", 20))];
    let text = journal(files.clone());
    check(text.get(..text.len() - 5).unwrap(), &files, &[(0, 0), (0, 10)]);
    check("", &files, &[]);
    check("{\"files\":[", &files, &[]);
}

#[test]
fn the_last_part_of_a_piece_counts_until_it_is_whole() {
    let mut journal = Journal::none();
    let entry = |lines, end| {
        Entry::Stored(Stored {
            file: 0,
            start: 7,
            end,
            lines,
            rows: 5,
            accepted: 4,
            refused: 1,
            allowed: 0,
            at_seconds: 7,
        })
    };
    journal.take(&entry(5, None));
    let key = "a key".to_owned();
    journal.take(&Entry::Begun { file: 0, start: 7, end: Some(100), key, at_seconds: 7 });
    assert_eq!(journal.entries_of(0).key_of(7), Some("a key"));
    journal.take(&entry(9, None));
    assert_eq!(journal.entries_of(0).lines_stored(7), 9);
    // What became of the request is known.
    assert_eq!(journal.entries_of(0).key_of(7), None);
    assert_eq!((journal.entries_of(0).piece_at(7), journal.entries_of(0).end_at(7)), (None, Some(100)));
    journal.take(&entry(12, Some(100)));
    assert_eq!(journal.entries_of(0).piece_at(7), Some((100, 12)));
    assert_eq!((journal.before.rows, journal.before.refused, journal.bytes_before), (15, 3, 93));
    assert_eq!(journal.entries_of(1).piece_at(7), None);
}
