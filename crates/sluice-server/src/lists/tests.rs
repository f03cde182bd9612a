//! Definitions are kept, as many as there may be, and lists are due when they should be.

use std::{
    fs,
    time::{Duration, Instant},
};

use sluice_model::ListName;

use super::{
    Asker, Basis, LISTS_MAX, ListDefinition, ListFormat, Lists,
    device_list::{FORGET_TIME, RETRY_TIME},
};

fn name(text: &str) -> ListName {
    ListName::parse(text).unwrap()
}

#[test]
fn definitions_are_kept_by_tenant_and_name() {
    let dir = tempfile::tempdir().unwrap();
    let lists = Lists::open(dir.path()).unwrap();
    let public = ListDefinition { public: true, ..ListDefinition::default() };
    assert_eq!(lists.put("General", name("edge"), ListDefinition::default()).unwrap(), Some(true));
    assert_eq!(lists.put("General", name("edge"), public.clone()).unwrap(), Some(false));
    assert_eq!(lists.put("acme", name("edge"), ListDefinition::default()).unwrap(), Some(true));
    assert!(!lists.remove("General", &name("other")).unwrap());
    assert!(lists.remove("acme", &name("edge")).unwrap());
    let again = Lists::open(dir.path()).unwrap();
    assert_eq!(again.get("General", &name("edge")).unwrap().definition, public);
    assert!(again.get("acme", &name("edge")).is_none() && again.of_tenant("acme").is_empty());
    assert_eq!((again.counts().lists, again.counts().stale), (1, 0));
}

#[test]
fn there_are_so_many_and_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let lists = Lists::open(dir.path()).unwrap();
    for number in 0..LISTS_MAX {
        assert_eq!(
            lists.put("General", name(&format!("l{number}")), ListDefinition::default()).unwrap(),
            Some(true)
        );
    }
    assert_eq!(lists.put("General", name("more"), ListDefinition::default()).unwrap(), None);
    // One that is there may change.
    assert_eq!(lists.put("General", name("l0"), ListDefinition::default()).unwrap(), Some(false));
}

#[test]
fn what_is_kept_and_makes_no_sense_is_an_error() {
    for text in ["", "{}"] {
        let dir = tempfile::tempdir().unwrap();
        fs::create_dir(dir.path().join("lists")).unwrap();
        fs::write(dir.path().join("lists/lists.json"), text).unwrap();
        assert!(Lists::open(dir.path()).is_err(), "{text}");
    }
}

#[test]
fn a_list_is_due_when_it_is_wanted_and_something_has_changed_but_not_too_often() {
    let dir = tempfile::tempdir().unwrap();
    let lists = Lists::open(dir.path()).unwrap();
    lists.put("General", name("edge"), ListDefinition::default()).unwrap();
    let list = lists.get("General", &name("edge")).unwrap();
    let began = Instant::now();
    let (soon, later) = (began + Duration::from_secs(59), began + Duration::from_mins(1));
    assert!(!list.is_due(1, began), "nobody wants it");
    assert!(list.served(ListFormat::Txt, Asker::Anybody).is_none());
    assert!(!list.is_due(1, began), "anybody may not want it");
    assert!(list.served(ListFormat::Txt, Asker::Known).is_none());
    assert!(list.is_due(1, began), "somebody does");
    list.standing.lock().began = Some(began);
    list.standing.lock().basis = Some(Basis { sequence: 1, expires_seconds: None });
    assert!(list.is_due(1, soon), "a format that was never built does not wait");
    list.standing.lock().formats.clear();
    list.note(ListFormat::Txt, written(dir.path(), &list.digest), 1);
    assert!(!list.is_due(1, later), "nothing has changed");
    assert!(!list.is_due(2, soon) && list.is_due(2, later), "something has");
    list.standing.lock().basis = Some(Basis { sequence: 1, expires_seconds: Some(1) });
    assert!(!list.is_due(1, soon) && list.is_due(1, later), "something has expired");
    list.standing.lock().failure = Some("it failed".to_owned());
    assert!(!list.is_due(1, began) && list.is_due(1, began + RETRY_TIME), "what failed is tried again");
    list.standing.lock().failures_count = 3;
    assert!(
        !list.is_due(1, began + 3 * RETRY_TIME) && list.is_due(1, began + 4 * RETRY_TIME),
        "less and less often"
    );
    list.standing.lock().failures_count = 9;
    assert!(!list.is_due(1, soon) && list.is_due(1, later), "but as often as it is built");
    list.standing.lock().hopeless_at = Some(1);
    assert!(!list.is_due(1, later) && list.is_due(2, later), "unless nothing can have changed");
}

#[test]
fn formats_that_nobody_asks_for_are_forgotten_unless_they_are_named() {
    let dir = tempfile::tempdir().unwrap();
    let lists = Lists::open(dir.path()).unwrap();
    let definition = ListDefinition::parse(br#"{"formats":{"rpz":{}}}"#).unwrap();
    lists.put("General", name("edge"), definition).unwrap();
    let list = lists.get("General", &name("edge")).unwrap();
    let now = Instant::now();
    assert!(list.served(ListFormat::Txt, Asker::Known).is_none());
    assert_eq!(list.forget(now), []);
    assert_eq!(list.forget(now + FORGET_TIME / 2), []);
    assert_eq!(list.forget(now + 2 * FORGET_TIME), [ListFormat::Txt]);
    assert_eq!(list.standing.lock().formats.len(), 1);
}

#[test]
fn who_could_not_have_had_a_list_gets_it_once_it_is_built_anew() {
    let dir = tempfile::tempdir().unwrap();
    let lists = Lists::open(dir.path()).unwrap();
    let served = |lists: &Lists| {
        lists.get("General", &name("edge")).unwrap().served(ListFormat::Txt, Asker::Known).is_some()
    };
    let put = |definition: &ListDefinition| lists.put("General", name("edge"), definition.clone()).unwrap();
    let of_ips = ListDefinition { kinds: vec!["ipv4".to_owned()], ..ListDefinition::default() };
    put(&ListDefinition::default());
    let list = lists.get("General", &name("edge")).unwrap();
    let files = dir.path().join("lists/General");
    fs::create_dir(&files).unwrap();
    list.note(ListFormat::Txt, written(&files, &list.digest), 1);
    put(&of_ips);
    assert!(served(&lists), "the same may have it");
    put(&ListDefinition { public: true, ..of_ips.clone() });
    assert!(!served(&lists), "anybody may not");
    put(&ListDefinition { public: true, ..ListDefinition::default() });
    assert!(!served(&lists));
    // On the disk it is what it was built as.
    let again = Lists::open(dir.path()).unwrap();
    again.load(&again.get("General", &name("edge")).unwrap());
    assert!(served(&again), "what it was built as is public now");
    put(&of_ips);
    let again = Lists::open(dir.path()).unwrap();
    again.load(&again.get("General", &name("edge")).unwrap());
    assert!(!served(&again), "it is of another definition");
    // Nothing of it is left for a list of the name.
    assert!(lists.remove("General", &name("edge")).unwrap());
    assert_eq!(fs::read_dir(&files).unwrap().count(), 0);
}

#[test]
fn files_of_lists_that_there_are_not_go_at_a_start() {
    let dir = tempfile::tempdir().unwrap();
    let lists = Lists::open(dir.path()).unwrap();
    lists.put("General", name("edge"), ListDefinition::default()).unwrap();
    let files = dir.path().join("lists/General");
    fs::create_dir(&files).unwrap();
    for file in ["edge.txt", "gone.txt", "gone.txt.damaged", "gone.rpz.new"] {
        fs::write(files.join(file), "x").unwrap();
    }
    Lists::open(dir.path()).unwrap();
    let left: Vec<_> = fs::read_dir(&files).unwrap().map(|file| file.unwrap().file_name()).collect();
    assert_eq!(left, ["edge.txt"]);
}

/// Another daemon knows more.
#[test]
fn a_definition_that_makes_no_sense_is_kept_and_costs_the_others_nothing() {
    let dir = tempfile::tempdir().unwrap();
    fs::create_dir(dir.path().join("lists")).unwrap();
    let path = dir.path().join("lists/lists.json");
    let text = r#"[{"tenant":"General","name":"new","definition":{"sinkhole":"192.0.2.1"}},
        {"tenant":"General","name":"Edge","definition":{}},{"tenant":"General","name":"edge","definition":{}}]"#;
    fs::write(&path, text).unwrap();
    let lists = Lists::open(dir.path()).unwrap();
    assert_eq!(lists.of_tenant("General").len(), 1);
    lists.put("General", name("more"), ListDefinition::default()).unwrap();
    let kept = fs::read_to_string(&path).unwrap();
    assert!(kept.contains("sinkhole") && kept.contains("Edge") && kept.contains("more"), "{kept}");
}

/// A file of a list, in a directory.
fn written(dir: &std::path::Path, definition: &str) -> super::file::WrittenList {
    let (path, may_go_on) = (&dir.join("edge.txt"), &|| Ok(()));
    let writer = super::file::ListWriter { path, before: None, definition, now_seconds: 1, may_go_on };
    writer.write(&mut Empty).unwrap()
}

struct Empty;

impl super::file::ListText for Empty {
    fn preamble(&self, _serial: u32) -> String {
        String::new()
    }

    fn write(&mut self, _out: &mut dyn std::io::Write) -> std::io::Result<[u64; 2]> {
        Ok([0, 0])
    }
}
