//! Rows that the allow list covers are left out, and no others.

use std::{pin::pin, sync::Arc, time::Duration};

use sluice_model::{TenantId, supplier::FALSE_POSITIVE};
use sluice_store::{FeedMode, WriteError};
use tokio::sync::Semaphore;

use super::{Fixture, Kept, block_on};
use crate::{
    Announced, ImportMode, ImportReport, ImportRules, IngestError, UploadAction, UploadRules,
    import::{allowed::read_lists, report::RefusedRow},
};

impl Fixture {
    /// Imports a list of values for a supplier.
    pub(super) fn import_list(&self, tenant: TenantId, supplier: &str, values: &[&str]) -> ImportReport {
        let rules = self.import_rules(Announced::Nothing);
        let upload = UploadRules { takes_marks: false, ..self.rules(tenant, supplier) };
        self.import_of(ImportRules { upload, ..rules }, values)
    }

    pub(super) fn import_of(&self, rules: ImportRules, values: &[&str]) -> ImportReport {
        block_on(async {
            let mut import = self.begin(rules);
            import.feed((values.join("\n") + "\n").as_bytes()).await.unwrap();
            import.finish().await.unwrap()
        })
    }
}

fn allowed(report: &ImportReport) -> Vec<String> {
    assert_eq!(report.rows_count, report.accepted_count + report.refused_count + report.allowed_count);
    let word = |row: &RefusedRow| {
        assert_eq!(row.reason, "allow-listed");
        row.value.trim_matches('"').to_owned()
    };
    report.refused.iter().map(word).collect()
}

#[test]
fn what_a_lookup_of_its_value_finds_on_the_list_is_left_out_and_what_is_below_a_name() {
    let fixture = Fixture::new();
    let values = [
        "good.example.com",
        "good.example.com/path?q",
        "sub.good.example.com",
        "a.masked.example.net/x",
        "masked.example.net/x",
        "example.org/dir/a/b",
        "example.org/other",
        "192.0.2.1",
        "192.0.2.200/x",
        "198.51.100.7",
        "198.51.100.8",
        "2001:db8::1",
        "d41d8cd98f00b204e9800998ecf8427e",
        "bad.example.com",
    ];
    assert_eq!(allowed(&fixture.import_list(TenantId::GENERAL, "Feed", &values)), Vec::<String>::new());
    let list = [
        "good.example.com",
        "*.masked.example.net",
        "example.org/dir/*",
        "192.0.2.0/24",
        "198.51.100.7",
        "D41D8CD98F00B204E9800998ECF8427E",
    ];
    assert_eq!(fixture.import_list(TenantId::GENERAL, FALSE_POSITIVE, &list).accepted_count, 6);
    let report = fixture.import_list(TenantId::GENERAL, "Feed", &values);
    let kept_out = allowed(&report);
    // Those that a lookup does not detect although they are stored, and what is below a name.
    let is_covered = |value: &&str| fixture.detect_now(value).is_empty() || *value == "sub.good.example.com";
    let covered: Vec<String> = values.into_iter().filter(is_covered).map(str::to_owned).collect();
    assert_eq!(kept_out, covered);
    assert!(!fixture.detect_now("sub.good.example.com").is_empty());
    assert_eq!((report.allowed_count, report.refused_count), (kept_out.len() as u64, 0));
    assert!(kept_out.contains(&"a.masked.example.net/x".to_owned()), "{kept_out:?}");
    // `www.` is no part of what is stored, and without it the mask does not match.
    assert_eq!(
        fixture.import_list(TenantId::GENERAL, "Feed", &["www.masked.example.net/x"]).allowed_count,
        0
    );
    // The list itself, who matches whatever is on it, and who asks for all of them leave nothing out.
    assert_eq!(allowed(&fixture.import_list(TenantId::GENERAL, "InternalTI", &values)), Vec::<String>::new());
    assert_eq!(fixture.import_list(TenantId::GENERAL, FALSE_POSITIVE, &list).allowed_count, 0);
    let rules = ImportRules { skip_allowed: false, ..fixture.import_rules(Announced::Nothing) };
    assert_eq!(fixture.import_of(rules, &values).allowed_count, 0);
}

#[test]
fn a_list_counts_for_its_tenant_as_long_as_it_holds_what_it_holds() {
    let fixture = Fixture::new();
    let acme = fixture.store.catalogue().tenant("acme").unwrap();
    fixture.import_list(acme, FALSE_POSITIVE, &["a.example.com", "b.example.com"]);
    let feed = |fixture: &Fixture, tenant| {
        allowed(&fixture.import_list(tenant, "Feed", &["a.example.com", "b.example.com"]))
    };
    assert_eq!(feed(&fixture, TenantId::GENERAL), Vec::<String>::new());
    assert_eq!(feed(&fixture, acme), ["a.example.com", "b.example.com"]);
    // What was on the list before a start still is.
    let fixture = fixture.reopened();
    assert_eq!(feed(&fixture, acme), ["a.example.com", "b.example.com"]);
    let rules = fixture.import_rules(Announced::Nothing);
    let of_list = fixture.rules(acme, FALSE_POSITIVE);
    let upload = UploadRules { takes_marks: false, action: UploadAction::Delete, ..of_list };
    assert_eq!(fixture.import_of(ImportRules { upload, ..rules }, &["a.example.com"]).accepted_count, 1);
    assert_eq!(feed(&fixture, acme), ["b.example.com"]);
}

#[test]
fn a_replacement_and_a_plan_leave_out_what_is_allowed() {
    let fixture = Fixture::new();
    let values = ["a.example.com", "b.example.com"];
    fixture.import_list(TenantId::GENERAL, "Feed", &values);
    fixture.import_list(TenantId::GENERAL, FALSE_POSITIVE, &["a.example.com"]);
    for (mode, removed) in [
        (ImportMode::Plan(FeedMode::Replace), 1),
        (ImportMode::Replace { shrink_percent_max: 50 }, 1),
        (ImportMode::Replace { shrink_percent_max: 50 }, 0),
    ] {
        let rules = ImportRules { mode, ..fixture.import_rules(Announced::Nothing) };
        let report = fixture.import_of(rules, &values);
        assert_eq!(allowed(&report), ["a.example.com"]);
        let changes = report.changes.unwrap();
        assert_eq!((changes.unchanged, changes.removed), (1, removed), "{mode:?}");
    }
}

/// What lists held at the start is read by a thread of its own, before a row is looked at. Whoever waits for that too long comes again.
#[test]
fn an_import_waits_for_the_lists_to_be_read() {
    let fixture = Fixture::new();
    fixture.import_list(TenantId::GENERAL, FALSE_POSITIVE, &["good.example.com"]);
    let fixture = fixture.reopened();
    let report = block_on(async {
        let mut import = fixture.begin(fixture.import_rules(Announced::Nothing));
        let lists = Arc::clone(&import.pools.allow_lists);
        let turn = Arc::clone(&lists).try_acquire_owned().unwrap();
        {
            let mut fed = pin!(import.feed(b"good.example.com\nbad.example.com\n"));
            tokio::select! {
                biased;
                _ = &mut fed => panic!("it did not wait"),
                () = tokio::task::yield_now() => {}
            }
            assert!(!fixture.store.knows_allow_lists());
            let refusal = read_lists(&fixture.store, &lists, Duration::ZERO).await.unwrap_err();
            assert!(matches!(refusal, IngestError::Write(WriteError::Busy { .. })), "{refusal:?}");
            drop(turn);
            fed.await.unwrap();
        }
        assert!(fixture.store.knows_allow_lists());
        import.finish().await.unwrap()
    });
    assert_eq!((allowed(&report), report.accepted_count), (vec!["good.example.com".to_owned()], 1));
    fixture.store.close();
    let refusal = block_on(async {
        let fixture = fixture.reopened();
        fixture.store.close();
        read_lists(&fixture.store, &Arc::new(Semaphore::new(1)), Duration::MAX).await.unwrap_err()
    });
    assert!(matches!(refusal, IngestError::Write(WriteError::Closed)), "{refusal:?}");
}

/// So many that they are read in several goes, between rows that are stored, refused, and asked in vain.
#[test]
fn each_row_of_a_long_slice_is_told_by_itself() {
    let fixture = Fixture::new();
    let value = |number| match number % 5 {
        0 | 3 => format!("h{number}.example.com/path/{}?q={number}", "p".repeat(200)),
        1 => format!("bad_{number}\\"),
        _ => format!("h{number}.example.net"),
    };
    let values: Vec<String> = (0..9_000).map(value).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let is_listed = |number: usize| match number % 5 {
        0 | 3 => number.is_multiple_of(2),
        1 => false,
        _ => number.is_multiple_of(3),
    };
    let listed: Vec<&str> =
        (0..9_000).filter(|number| is_listed(*number)).map(|number| values[number]).collect();
    fixture.import_list(TenantId::GENERAL, FALSE_POSITIVE, &listed);
    let kept = Arc::new(Kept::default());
    let rules = ImportRules { keeper: Arc::<Kept>::clone(&kept), ..fixture.import_rules(Announced::Nothing) };
    let report = fixture.import_of(rules, &values);
    let expected: Vec<(u64, &str)> = (0..values.len())
        .filter_map(|number| match number % 5 {
            1 => Some((number as u64 + 1, "invalid-indicator")),
            _ => is_listed(number).then_some((number as u64 + 1, "allow-listed")),
        })
        .collect();
    let told: Vec<(u64, String)> = kept
        .rows()
        .iter()
        .map(|row| (row["line"].as_u64().unwrap(), row["reason"].as_str().unwrap().to_owned()))
        .collect();
    assert!(told.iter().map(|(line, reason)| (*line, reason.as_str())).eq(expected.iter().copied()));
    let allowed_count = expected.iter().filter(|(_, reason)| *reason == "allow-listed").count();
    assert_eq!(allowed_count, listed.len());
    assert_eq!(report.allowed_count, allowed_count as u64);
    assert_eq!((report.refused_count, report.rows_count), (1_800, 9_000));
    assert_eq!(
        fixture
            .store
            .snapshot()
            .keys_of_supplier(fixture.rules(TenantId::GENERAL, "Feed").supplier)
            .unwrap()
            .len(),
        7_200 - allowed_count
    );
}

/// Most of them are told by their number alone.
#[test]
fn of_many_allowed_rows_the_first_are_told() {
    let fixture = Fixture::new();
    fixture.import_list(TenantId::GENERAL, FALSE_POSITIVE, &["*.example.com"]);
    let values: Vec<String> = (0..1_000).map(|number| format!("h{number}.example.com")).collect();
    let values: Vec<&str> = values.iter().map(String::as_str).collect();
    let report = fixture.import_list(TenantId::GENERAL, "Feed", &values);
    assert_eq!((report.allowed_count, report.accepted_count, allowed(&report).len()), (1_000, 0, 10));
}
