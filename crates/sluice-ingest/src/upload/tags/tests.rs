//! That lists which are kept are not mistaken for one another, and that failures are not kept.

use std::sync::Arc;

use parking_lot::Mutex;
use sluice_model::{Rejection, TagId, TagName, TagWeight, rejection::Property};
use sluice_store::{
    WriteError,
    catalogue::{Catalogue, CatalogueChange},
};

use super::{MissingTags, TagMaker, TagNames, TagsReader};
use crate::{
    body::{elements::visit_elements, scan::KnownProperty, split::Splitter},
    fixture::Fixture,
};

fn catalogue_with(names: impl Iterator<Item = String>) -> Arc<Catalogue> {
    let fixture = Fixture::new();
    for name in names {
        let (name, weight) = (TagName::parse(&name).unwrap(), TagWeight::new(1_u8).unwrap());
        fixture.change(CatalogueChange::CreateTag { name, weight });
    }
    fixture.store.catalogue()
}

/// Reads lists with one reader, one after the other.
fn read(lists: &[String], catalogue: &Arc<Catalogue>) -> Vec<Result<Vec<TagId>, Rejection>> {
    let seen = read_with(lists, catalogue, MissingTags::Refuse);
    seen.into_iter()
        .map(|list| list.map(|(ids, is_short)| if is_short { panic!("{ids:?}") } else { ids }))
        .collect()
}

/// The same, with whether tags were left out.
fn read_with(
    lists: &[String],
    catalogue: &Arc<Catalogue>,
    missing: MissingTags,
) -> Vec<Result<(Vec<TagId>, bool), Rejection>> {
    let names = TagNames { catalogue: Arc::clone(catalogue), missing };
    let body = lists.iter().map(|list| format!("{{\"tags\":{list}}}")).collect::<Vec<_>>().join(",");
    let mut splitter = Splitter::new();
    assert_eq!(splitter.next_slice(&mut format!("[{body}]").as_bytes()), Ok(None));
    let slice = splitter.finish().unwrap().unwrap();
    let (mut reader, mut seen) = (TagsReader::default(), Vec::new());
    visit_elements(&slice, |element| {
        let tags = element.get(KnownProperty::Tags).unwrap();
        seen.push(reader.read(&tags, &names).map(|read| (read.ids.to_vec(), read.is_short)));
        Ok(())
    })
    .unwrap();
    seen
}

/// More lists than are kept, each often, some of them with tags that do not exist.
#[test]
fn every_list_gets_its_own_tags() {
    let catalogue = catalogue_with((0..40).map(|number| format!("T{number}")));
    let pairs = (0..16_000).map(|row| (row * 7 % 41, row * 11 % 42)).collect::<Vec<_>>();
    let lists = pairs.iter().map(|(one, two)| format!("[\"t{one}\",\"T{two}\"]")).collect::<Vec<_>>();
    let want = pairs.iter().map(|(one, two)| {
        let id = |text: String| match catalogue.tag(&text.to_uppercase()) {
            Some(tag) => Ok(tag.id),
            None => Err(Rejection::unknown_tag(&text)),
        };
        let mut ids = vec![id(format!("t{one}"))?, id(format!("T{two}"))?];
        ids.sort_unstable();
        ids.dedup();
        Ok(ids)
    });
    assert_eq!(read(&lists, &catalogue), want.collect::<Vec<_>>());
}

#[test]
fn what_is_kept_is_not_mistaken() {
    let catalogue = catalogue_with(std::iter::empty());
    let good = vec![catalogue.tag("GOOD").unwrap().id];
    let long = format!("[{}]", vec!["\"GOOD\""; 100].join(","));
    let lists = [
        "[\"NO\"]",
        "[\"NO\"]",
        "[\"GOOD\"]",
        "[\"GOOD\"]",
        "[]",
        "[ ]",
        "5",
        "[\"\\u0047OOD\"]",
        &long,
        &long,
        "[]",
    ];
    let wrong = Err(Rejection::InvalidType(Property::Tags));
    let unknown = Err(Rejection::unknown_tag("NO"));
    let empty = Ok(Vec::new());
    assert_eq!(
        read(&lists.map(str::to_owned), &catalogue),
        [
            unknown.clone(),
            unknown,
            Ok(good.clone()),
            Ok(good.clone()),
            empty.clone(),
            empty.clone(),
            wrong,
            Ok(good.clone()),
            Ok(good.clone()),
            Ok(good),
            empty,
        ]
    );
}

/// Makes all but one.
struct Maker {
    asked: Mutex<Vec<String>>,
}

impl TagMaker for Maker {
    fn make(&self, name: &str) -> Option<TagId> {
        self.asked.lock().push(name.to_owned());
        if name == "NEVER" { None } else { Some(TagId(1_000)) }
    }

    fn failure(&self) -> Option<WriteError> {
        None
    }
}

#[test]
fn tags_that_there_are_not_are_left_out_or_made() {
    let catalogue = catalogue_with(["T1".to_owned()].into_iter());
    let id = catalogue.tag("T1").unwrap().id;
    let lists = [r#"["t1"]"#, r#"["t1","new"]"#, r#"["new"]"#, r#"["never","t1"]"#, r#"["t1","new"]"#, "[]"];
    let lists = lists.map(str::to_owned);
    let dropped = read_with(&lists, &catalogue, MissingTags::Drop);
    let want = [
        (vec![id], false),
        (vec![id], true),
        (vec![], true),
        (vec![id], true),
        (vec![id], true),
        (vec![], false),
    ];
    assert_eq!(dropped, want.map(Ok));
    let maker = Arc::new(Maker { asked: Mutex::default() });
    let made = read_with(&lists, &catalogue, MissingTags::Make(Arc::clone(&maker) as _));
    let new = TagId(1_000);
    let refused = Err(Rejection::unknown_tag("never"));
    let want = [
        Ok((vec![id], false)),
        Ok((vec![id, new], false)),
        Ok((vec![new], false)),
        refused,
        Ok((vec![id, new], false)),
        Ok((vec![], false)),
    ];
    assert_eq!(made, want);
    // A list that was read is not read again.
    assert_eq!(*maker.asked.lock(), ["NEW", "NEW", "NEVER"]);
}
