//! Links between the Markdown files of the repository.
//!
//! In: all of these files. Out: each link that leads to no file or no heading; of the book, also each link that leads out of
//! it, where whoever reads it elsewhere finds nothing, and each page that its summary does not name. Links to other hosts are
//! left alone.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

use anyhow::{Context as _, Result};
use pulldown_cmark::{Event, Options, Parser, Tag, TagEnd};

use super::tree::{gather, shown};

/// Where the pages of the book are.
const BOOK: &str = "docs/src";
/// The page that names all others.
const SUMMARY: &str = "docs/src/SUMMARY.md";

/// A Markdown file.
#[derive(Default)]
struct Page {
    /// Where its links lead, with the line of each.
    links: Vec<(usize, String)>,
    /// What a link may name behind `#`.
    anchors: BTreeSet<String>,
}

/// Lists what is not as agreed.
pub(super) fn check(root: &Path) -> Result<Vec<String>> {
    let root = fs::canonicalize(root)?;
    let (mut files, mut pages, mut findings) = (BTreeSet::new(), BTreeMap::new(), Vec::new());
    gather(&root, "md", &|_| true, &mut files)?;
    for file in files {
        let text = fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))?;
        pages.insert(file, Page::read(&text));
    }
    for (file, page) in &pages {
        for (line, target) in &page.links {
            if let Some(fault) = fault(&root, &pages, file, target) {
                findings.push(format!("{}:{line}: {target} {fault}", shown(&root, file)));
            }
        }
    }
    let summary = root.join(SUMMARY);
    let links = pages.get(&summary).map_or(&[][..], |page| &page.links);
    let named: BTreeSet<PathBuf> =
        links.iter().map(|(_, target)| root.join(BOOK).join(target)).chain([summary]).collect();
    for file in pages.keys().filter(|file| file.starts_with(root.join(BOOK)) && !named.contains(*file)) {
        findings.push(format!("{} is not named in {SUMMARY}", shown(&root, file)));
    }
    Ok(findings)
}

/// What is wrong with a link in `file`, if anything is.
fn fault(root: &Path, pages: &BTreeMap<PathBuf, Page>, file: &Path, target: &str) -> Option<&'static str> {
    if target.contains("://") || target.starts_with("mailto:") {
        return None;
    }
    let (path, anchor) = match target.split_once('#') {
        Some((path, anchor)) => (path, Some(anchor)),
        None => (target, None),
    };
    let path = if path.is_empty() { file.to_owned() } else { file.with_file_name(path) };
    let Ok(path) = fs::canonicalize(path) else { return Some("leads to no file") };
    let book = root.join(BOOK);
    if file.starts_with(&book) && !path.starts_with(&book) {
        return Some("leads out of the book");
    }
    let has_anchor = |anchor: &str| pages.get(&path).is_some_and(|page| page.anchors.contains(anchor));
    anchor.is_some_and(|anchor| !has_anchor(anchor)).then_some("leads to no heading")
}

impl Page {
    fn read(text: &str) -> Self {
        let (mut page, mut heading) = (Self::default(), None);
        for (event, range) in Parser::new_ext(text, Options::ENABLE_TABLES).into_offset_iter() {
            match event {
                Event::Start(Tag::Link { dest_url, .. } | Tag::Image { dest_url, .. }) => {
                    let line = text.get(..range.start).unwrap_or(text).matches('\n').count() + 1;
                    page.links.push((line, dest_url.into_string()));
                }
                Event::Start(Tag::Heading { .. }) => heading = Some(String::new()),
                Event::Text(part) | Event::Code(part) => {
                    if let Some(heading) = &mut heading {
                        heading.push_str(&part);
                    }
                }
                Event::End(TagEnd::Heading(_)) => page.add_anchor(&heading.take().unwrap_or_default()),
                _ => {}
            }
        }
        page
    }

    /// Adds the anchor of a heading, as GitHub and mdBook make it: a second one of a name gets a number.
    fn add_anchor(&mut self, heading: &str) {
        let part = |character: char| match character {
            ' ' => Some('-'),
            '-' | '_' => Some(character),
            _ => character.is_alphanumeric().then(|| character.to_ascii_lowercase()),
        };
        let name: String = heading.trim().chars().filter_map(part).collect();
        let numbered = (1..).map(|number| format!("{name}-{number}"));
        let free = [name.clone()].into_iter().chain(numbered).find(|anchor| !self.anchors.contains(anchor));
        self.anchors.extend(free);
    }
}

#[cfg(test)]
mod tests;
